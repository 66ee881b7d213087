"""What a private server of either kind needs: of this machine, and to be spoken to at first."""

import os
import pwd
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.rehearsal.keeper import Keeper

# Distributions keep servers out of an ordinary user's PATH.
_SERVER_FOLDERS = ("/usr/sbin", "/usr/libexec", "/usr/local/sbin")

# sys/un.h: 108 bytes with the zero at the end.
_SOCKET_PATH = 107

_SMALLEST, _LARGEST = 64 * 2**20, 2**30

# Everywhere, and the keeper makes a folder of its own in it.
_SHORT = Path("/tmp")  # noqa: S108

# Seconds from the moment a server's socket is there until it lets anybody in.
_READY = 60.0


def program(names: Iterable[str], folders: Iterable[Path] = ()) -> Path | None:
    """The first of these programs that is installed; `folders` go before PATH."""
    path = os.pathsep.join([*map(str, folders), os.environ.get("PATH", ""), *_SERVER_FOLDERS])
    found = (shutil.which(name, path=path) for name in names)
    return next((Path(where) for where in found if where), None)


def temporary_folder() -> Path:
    """Where the data of a scratch server lie: $TMPDIR, else /tmp."""
    return Path(tempfile.gettempdir())


def socket_folder(
    keeper: Keeper, folder: Path, name: str, owner: tuple[int, int] | None = None
) -> Path:
    """This folder, or one with a shorter path where a socket's would be too long in it."""
    if len(os.fsencode(folder / name)) <= _SOCKET_PATH:
        return folder
    return keeper.folder(_SHORT, owner)


def cache_bytes() -> int:
    """How much memory a scratch server may take for its cache: an eighth of what is available."""
    available = 0
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    available = int(line.split()[1]) * 1024
    except OSError:
        pass
    return min(max(available // 8, _SMALLEST), _LARGEST)


def unprivileged(names: Iterable[str]) -> tuple[int, int] | None:
    """The user and group of the first of these accounts; None where we are not root ourselves."""
    if os.geteuid() != 0:
        return None
    for name in names:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return account.pw_uid, account.pw_gid
    return None


def first_session(url: URL) -> sa.Connection:
    """A session in which each statement is committed at once, as soon as the server lets us in.

    :raises Unobserved: it does not.
    """
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    deadline = time.monotonic() + _READY
    while True:
        try:
            return engine.connect()
        except sa.exc.DBAPIError:
            if time.monotonic() > deadline:
                raise Unobserved(
                    f"the scratch server lets nobody in after {_READY:g} s; "
                    "see whether this machine is overloaded, and rehearse again"
                ) from None
            time.sleep(0.05)


def attempt(session: sa.Connection, statement: str) -> bool:
    """Run it where the server can; what it cannot is told by the comparison with the live one."""
    try:
        session.exec_driver_sql(statement)
    except sa.exc.DBAPIError:
        return False
    return True
