"""What is known of release notes and of who has read them."""

from dataclasses import dataclass

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
        return tuple(name for name in MUST_ACKNOWLEDGE if self.sections.get(name))


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


@dataclass(frozen=True)
class ReleaseNotes:
    """The notes of `target` that `current` does not have, and the acknowledgements in `file`."""

    current: str
    target: str
    notes: tuple[Note, ...]
    file: str
    acknowledgements: tuple[Acknowledgement, ...]

    @property
    def extent(self) -> str:
        """What was compared and read."""
        due = sum(1 for note in self.notes if note.must_be_acknowledged)
        signed = sum(1 for entry in self.acknowledgements if entry.is_signed)
        return (
            f"{len(self.notes)} notes of {self.target} are not in {self.current}, {due} of them "
            f"to be acknowledged; {signed} signed entries in {self.file}"
        )
