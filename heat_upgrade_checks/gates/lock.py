"""One run at a time for one upgrade."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.records.reports_folder import writing_to

_FILE = ".lock"


@contextmanager
def only_run(upgrade_folder: Path, phase: str) -> Iterator[None]:
    """Keep other runs of this upgrade out; however the process ends, the kernel lets go.

    :raises UsageError: there is another run, or nothing can be written there.
    """
    with writing_to(upgrade_folder):
        upgrade_folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(upgrade_folder / _FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = file.read(200).strip() or "another process"
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
            os.truncate(descriptor, 0)
            os.write(descriptor, told.encode())
        yield
