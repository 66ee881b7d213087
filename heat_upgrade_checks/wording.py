"""Words and figures that everything states in the same way."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise

# What XML 1.0 forbids, and what a reader cannot see or that reorders what he sees.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)


_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def visible(text: str) -> str:
    """The text with every control, invisible and direction-changing character spelled out."""
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def clipped(text: str, limit: int) -> str:
    """The text, cut and marked as such where it is longer than `limit`."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def counted(number: int, thing: str, things: str = "") -> str:
    """The number with its noun: "1 blocker", "7 blockers"; `things` is a plural of its own."""
    return f"{number} {thing}" if number == 1 else f"{number} {things or thing + 's'}"


def some(things: Iterable[object], most: int, rest: str = " and {} more") -> str:
    """The first `most` of them, and how many are left: "a, b, c and 2 more".

    `rest` stands for those that are not named, with `{}` for their number.
    """
    names = [*map(str, things)]
    left = len(names) - most
    return ", ".join(names[:most]) + (rest.format(left) if left > 0 else "")


def duration(seconds: float) -> str:
    """A span of time in the two units that matter: "3 h 5 min", "0.8 s"."""
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    total = round(seconds)
    for (unit, size), (part, part_size) in pairwise(_UNITS):
        if total >= size:
            rest = total % size // part_size
            return f"{total // size} {unit}" + (f" {rest} {part}" if rest else "")
    return f"{total} s"


def moment(when: datetime) -> str:
    """A point in time in UTC, with its offset."""
    return when.astimezone(UTC).isoformat(sep=" ", timespec="seconds")


def plain(text: str) -> str:
    """Without control characters: names come from users of the cloud, and may steer a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
