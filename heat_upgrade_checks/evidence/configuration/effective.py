"""The effective values of both releases' options, and which of them differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from heat_upgrade_checks.evidence.answers import Count
from heat_upgrade_checks.heat.continuity import ENCRYPTION_KEY, KEPT

_Place = tuple[str, str]
_KEY = ("DEFAULT", ENCRYPTION_KEY)
_KEPT = tuple((kept.group, kept.name) for kept in KEPT)


@dataclass(frozen=True)
class Effective:
    """The value that a release goes by, as asked/options.py answers it.

    `former` are names that the release still takes for this option. `print` is a fingerprint of
    the value, "" where the release cannot read it; `text` is None where it may be a secret.
    `length` counts the characters of a text.
    """

    group: str
    name: str
    former: tuple[_Place, ...]
    set: bool
    readable: bool
    empty: bool
    print: str
    text: str | None
    length: Count
    is_default: bool


@dataclass(frozen=True)
class Value:
    """An effective value: `text` is None where it may be a secret, `is_set` is no default.

    `empty` tells of nothing at all; an option that the release does not know is empty too.
    """

    known: bool
    readable: bool
    is_set: bool
    text: str | None
    empty: bool = False


@dataclass(frozen=True)
class Compared:
    """One option of both releases, under the name that it has for the target."""

    group: str
    name: str
    same: bool
    current: Value
    target: Value


@dataclass(frozen=True)
class EncryptionKey:
    """What may be told of `auth_encryption_key`: its length in characters, and if it is public."""

    length: int
    is_public_default: bool


def compare(current: tuple[Effective, ...], target: tuple[Effective, ...]) -> Iterator[Compared]:
    """What must be alike whoever sets it, then whatever current sets and the target knows."""
    mine, its = _by_name(current), _by_name(target)
    given = [place for place in mine if mine[place].set]
    for place in dict.fromkeys((*_KEPT, *given)):
        old, new = mine.get(place), its.get(place) or _renamed(place, target)
        if place in _KEPT or new:
            group, name = (new.group, new.name) if new else place
            yield Compared(group, name, _same(old, new), _value(old), _value(new))


def encryption_key(values: tuple[Effective, ...]) -> EncryptionKey:
    """What may be told of a release's key; one that does not know it has none."""
    found = _by_name(values).get(_KEY)
    return EncryptionKey(found.length, found.is_default) if found else EncryptionKey(0, False)


def _by_name(values: tuple[Effective, ...]) -> Mapping[_Place, Effective]:
    return {(value.group, value.name): value for value in values}


def _renamed(place: _Place, values: tuple[Effective, ...]) -> Effective | None:
    return next((value for value in values if place in value.former), None)


def _same(current: Effective | None, target: Effective | None) -> bool:
    """Whether both values are alike; an option that a release lacks is like one that is empty."""
    if current is not None and target is not None:
        return current.readable and target.readable and current.print == target.print
    return all(value.empty for value in (current, target) if value is not None)


def _value(found: Effective | None) -> Value:
    if found is None:
        return Value(known=False, readable=True, is_set=False, text=None, empty=True)
    return Value(True, found.readable, found.set, found.text, found.empty)
