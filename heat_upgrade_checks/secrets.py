"""The secrets that were read in this run, so that none of them leaves it."""

from urllib.parse import quote, quote_plus

# Replacing a shorter value would garble ordinary words ("heat", "guest") all over a report and so
# give the secret away by its absence; such values are kept out by never being put into a text.
_SHORTEST_REPLACED = 8
MASK = "***"


class Secrets:
    """Values that must reach no report, log, exception or process title."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def add(self, value: str | None) -> None:
        """Remember a secret as soon as it is read."""
        if value and len(value) >= _SHORTEST_REPLACED:
            self._values |= {value, quote(value, safe=""), quote_plus(value)}

    def redact(self, text: str) -> str:
        """The text with every known secret replaced, longest first."""
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, MASK)
        return text
