"""What is known of release notes, of whom they touch and of who has read them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from heat_upgrade_checks.evidence.facts import Facts

# What reno gives a note besides (reno/config.py); a section of another name may be any of them,
# mistyped.
_INFORM = frozenset({"prelude", "features", "fixes", "other"})
MUST_ACKNOWLEDGE = ("critical", "security", "upgrade", "deprecations", "issues")


@dataclass(frozen=True)
class Note:
    """One release note file: its name, the digest of its bytes and the texts of its sections.

    `sections` are reno's, such as prelude, upgrade or fixes.
    """

    name: str
    sha256: str
    sections: dict[str, tuple[str, ...]]

    @property
    def must_be_acknowledged(self) -> tuple[str, ...]:
        """The sections that oblige somebody to have read this note."""
        unknown = sorted(self.sections.keys() - _INFORM - {*MUST_ACKNOWLEDGE})
        return tuple(name for name in (*MUST_ACKNOWLEDGE, *unknown) if self.sections.get(name))


@dataclass(frozen=True)
class Acknowledgement:
    """What the acknowledgement file says of one note.

    `sha256` is the digest of the note that was read. Without both `by` and `at` nobody has
    acknowledged it yet.
    """

    name: str
    sha256: str
    by: str
    at: str
    remark: str
    sections: tuple[str, ...]

    @property
    def is_signed(self) -> bool:
        """Whether somebody put name and date to it."""
        return bool(self.by.strip() and self.at.strip())

    def is_signature_of(self, note: Note) -> bool:
        """Whether somebody signed this very text of the note."""
        return self.is_signed and (self.name, self.sha256) == (note.name, note.sha256)


@dataclass(frozen=True)
class ReleaseNotes(Facts):
    """The notes of `target` that `current` does not have, and the acknowledgements in `file`.

    `touches` tells by a note's name why it touches this deployment, and `incomplete` what could not
    be looked at for that. `lost` are the names of notes that only `current` has; `edited` those of
    notes that both have and that read differently.
    """

    current: str
    target: str
    notes: tuple[Note, ...]
    file: str
    acknowledgements: tuple[Acknowledgement, ...]
    touches: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()

    @property
    def in_order(self) -> tuple[Note, ...]:
        """The notes as they should be read: what touches this deployment, then what asks for it."""
        return tuple(
            sorted(
                self.notes,
                key=lambda note: (
                    note.name not in self.touches,
                    not note.must_be_acknowledged,
                    note.name,
                ),
            )
        )

    @property
    def extent(self) -> str:
        """What was compared and read."""
        due = sum(1 for note in self.notes if note.must_be_acknowledged)
        signed = sum(1 for entry in self.acknowledgements if entry.is_signed)
        return (
            f"{len(self.notes)} notes of {self.target} are not in {self.current}, {due} of them "
            f"to be acknowledged; {signed} signed entries in {self.file}"
        )
