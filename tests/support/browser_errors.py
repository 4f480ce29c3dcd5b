"""Collect the errors that a browser reports while a test runs."""

from __future__ import annotations

# The browser logs most violations of the Content-Security-Policy, but not all of them.
# This script logs each of them.
LOG_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`Policy broken: ${event.effectiveDirective} by ${event.blockedURI}`));
"""


class BrowserErrors(list[str]):
    """The errors that a browser reported, without the errors that the test expects."""

    def __init__(self) -> None:
        super().__init__()
        self.expected: list[str] = []
        self._words: tuple[str, ...] = ()

    def expect(self, *words: str) -> None:
        """Expect errors that contain any of these words, until the end of the test."""
        self._words = words

    def add(self, error: str) -> None:
        """Add an error to this list, or to ``expected`` if the test expects it."""
        is_expected = any(words in error for words in self._words)
        (self.expected if is_expected else self).append(error)
