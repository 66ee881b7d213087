"""The folder that takes an upgrade's reports, and what keeps it from taking them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from heat_upgrade_checks.errors import UsageError


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Say in one sentence what keeps files from being written below the folder.

    :raises UsageError: they cannot be.
    """
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"reports cannot be written to {folder}: {error.strerror or type(error).__name__}; "
            "name another folder with --reports"
        ) from None


def make(folder: Path) -> None:
    """Make the folder, and try it out before anything is done that takes long.

    :raises UsageError: nothing can be written there.
    """
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder) as file:
            file.write(b"x")
