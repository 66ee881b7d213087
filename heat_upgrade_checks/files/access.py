"""Why a file that an operator named cannot be read, and who may read it."""

import grp
import os
import pwd
import stat
from pathlib import Path


def why_not(path: Path, error: OSError) -> str:
    """The system's reason; of a file that may not be read also who may."""
    reason = error.strerror or type(error).__name__
    return f"{reason}: {who_may_read(path)}" if isinstance(error, PermissionError) else reason


def who_may_read(path: Path) -> str:
    """Whose the file is, or the folder on the way that bars it, and how to be let in.

    It ends a sentence that says what was refused.
    """
    barred = next((folder for folder in reversed(path.parents) if not _lets_in(folder)), path)
    try:
        found = barred.stat()
    except OSError:
        return "run this as root"
    owner, group = _user(found.st_uid), _group(found.st_gid)
    me = _user(os.geteuid())
    whose = (
        f"{'its folder ' + str(barred) if barred != path else 'it'} belongs to {owner} and group "
        f"{group}, mode {stat.S_IMODE(found.st_mode):04o}, and this is run by {me}; run it as root"
    )
    needed = stat.S_IRGRP if barred == path else stat.S_IXGRP
    if not found.st_mode & needed or found.st_gid in {os.getegid(), *os.getgroups()}:
        return whose
    return (
        f"{whose}, or let {me} into that group and log in anew: "
        f"sudo usermod --append --groups {group} {me}"
    )


def _lets_in(folder: Path) -> bool:
    return os.access(folder, os.X_OK, effective_ids=True)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
