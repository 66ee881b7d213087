"""Why a file that an operator named cannot be read, and what helps."""

import grp
import pwd
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any


def why(path: Path, error: OSError) -> str:
    """The system's reason; of a file that may not be read also who may."""
    reason = error.strerror or type(error).__name__
    if not isinstance(error, PermissionError):
        return reason
    try:
        found = path.stat()
    except OSError:
        return f"{reason}; run this as a user who may read the folder {path.absolute().parent}"
    owner = _name(lambda: pwd.getpwuid(found.st_uid).pw_name, found.st_uid)
    group = _name(lambda: grp.getgrgid(found.st_gid).gr_name, found.st_gid)
    mode = f"{stat.S_IMODE(found.st_mode):04o}"
    return (
        f"{reason}: it belongs to {owner}, group {group}, mode {mode}; "
        "run this as a user who may read it"
    )


def _name(known: Callable[[], Any], number: int) -> str:
    try:
        return str(known())
    except KeyError:
        return str(number)
