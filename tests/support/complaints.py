"""The errors that a browser reports while a test runs."""

from __future__ import annotations

# The console names most violations by itself; this names all, in one form.
SAY_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`Policy broken: ${event.effectiveDirective} by ${event.blockedURI}`));
"""


class Complaints(list[str]):
    """What a browser complained of, without what the test said that it would."""

    def __init__(self) -> None:
        super().__init__()
        self.expected: list[str] = []
        self._words: tuple[str, ...] = ()

    def expect(self, *words: str) -> None:
        """Let complaints with any of these words be no failure, from now to the end."""
        self._words = words

    def note(self, complaint: str) -> None:
        """Add one to the list that it belongs to."""
        is_expected = any(words in complaint for words in self._words)
        (self.expected if is_expected else self).append(complaint)
