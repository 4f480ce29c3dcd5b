"""Collect the errors that a browser reports while a test runs."""

from __future__ import annotations

# The console logs most violations of the policy. This script logs all of them.
SAY_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`Policy broken: ${event.effectiveDirective} by ${event.blockedURI}`));
"""


class Complaints(list[str]):
    """The errors that a browser reported, without the errors that the test expects."""

    def __init__(self) -> None:
        super().__init__()
        self.expected: list[str] = []
        self._words: tuple[str, ...] = ()

    def expect(self, *words: str) -> None:
        """Expect errors that contain any of these words, until the end of the test."""
        self._words = words

    def note(self, complaint: str) -> None:
        """Add an error to this list, or to ``expected`` if the test expects it."""
        is_expected = any(words in complaint for words in self._words)
        (self.expected if is_expected else self).append(complaint)
