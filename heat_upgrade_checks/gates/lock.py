"""One run at a time for one upgrade."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.files.whole_file import put
from heat_upgrade_checks.records.reports_folder import writing_to

# Its content is never touched: whatever was put there under this name stays as it is.
_FILE = ".lock"
_HOLDER = ".holder"


@contextmanager
def only_run(upgrade_folder: Path, phase: str) -> Iterator[None]:
    """Keep other runs of this upgrade out; however the process ends, the kernel lets go.

    :raises UsageError: there is another run, or nothing can be written there.
    """
    with writing_to(upgrade_folder):
        upgrade_folder.mkdir(parents=True, exist_ok=True)
        descriptor = _opened(upgrade_folder / _FILE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = _read(upgrade_folder / _HOLDER) or "another process"
            raise UsageError(
                f"{holder} judges this upgrade in {upgrade_folder}; wait for its end, "
                "or look at single checks with --only"
            ) from None
        now = datetime.now(UTC)
        told = (
            f"phase {phase}, since {now:%Y-%m-%d %H:%M:%S} UTC, "
            f"process {os.getpid()} on {gethostname()},"
        )
        with writing_to(upgrade_folder):
            put(upgrade_folder / _HOLDER, told.encode())
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags, 0o640)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise UsageError(
            f"{path} is a symbolic link, so that it keeps no other run out; remove it"
        ) from None


def _read(path: Path) -> str:
    try:
        # A pipe that stands there is not waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            return (file.read(200) or b"").decode("utf-8", "replace").strip()
    except OSError:
        return ""
