"""The files that a pattern names, none overlooked."""

import fnmatch
import glob
import os
import stat
from pathlib import Path

from heat_upgrade_checks.errors import Unobserved

# Made by mkfs at the top of every ext file system, closed to all but root, never a backup.
_NO_BACKUPS = "lost+found"


def matching(pattern: str) -> tuple[Path, ...]:
    """Every path that a glob pattern (`*`, `?`, `[…]`, `**` for any depth) or a plain path names.

    Unlike the standard library's glob, a folder that may not be read is not taken for an empty one.
    """
    path = Path(pattern)
    names = [Path(path.anchor or ".")]
    for part in path.parts[1:] if path.anchor else path.parts:
        names = [found for folder in names for found in _step(folder, part)]
    return tuple(sorted(set(names)))


def _step(folder: Path, part: str) -> list[Path]:
    if part == "**":
        return [folder, *(Path(root) for root in _folders_below(folder))]
    if not glob.has_magic(part):
        return [folder / part] if _mode(folder / part) else []
    return [
        folder / name
        for name in fnmatch.filter(_names(folder), part)
        if part.startswith(".") or not name.startswith(".")
    ]


def _names(folder: Path) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name != _NO_BACKUPS]  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _closed(folder, error) from None


def _folders_below(folder: Path) -> list[Path]:
    # os.walk takes a folder for a file where the file system has to be asked which it is, and does
    # not answer; so does Path.is_dir from Python 3.14 on.
    below = [folder / name for name in _names(folder) if not name.startswith(".")]
    folders = [path for path in below if stat.S_ISDIR(_mode(path))]
    return folders + [deeper for path in folders for deeper in _folders_below(path)]


def _mode(path: Path) -> int:
    """What kind of file is there, a link for itself; 0 if there is none."""
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise _closed(path, error) from None


def _closed(path: Path, error: OSError) -> Unobserved:
    return Unobserved(
        f"{path} cannot be read ({error.strerror}): run as a user who may read the backups, "
        "or correct backup in the plan"
    )
