"""The seal of a gate's folder: a file of SHA-256 sums that `sha256sum -c` reads as well."""

import hashlib
import re
from pathlib import Path

from heat_upgrade_checks.files.whole_file import put

FILE = "SHA256SUMS"

_LINE = re.compile(r"(?P<sum>[0-9a-f]{64})  (?P<name>[^/\n]+)\n")


def close(folder: Path) -> None:
    """Write the sums of all that is in the folder."""
    sums = {path.name: _sum(path) for path in folder.iterdir() if path.name != FILE}
    put(folder / FILE, "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode())


def digest(folder: Path) -> str:
    """What stands for the folder with all its files; empty where it has no seal."""
    try:
        return _sum(folder / FILE)
    except OSError:
        return ""


def broken(folder: Path) -> list[str]:
    """What is not as it was when the folder was closed, a sentence each."""
    try:
        text = (folder / FILE).read_bytes().decode("utf-8", "replace")
    except OSError as error:
        return [f"{FILE} cannot be read: {error.strerror}"]
    lines = [_LINE.fullmatch(line) for line in text.splitlines(keepends=True)]
    sums = {line["name"]: line["sum"] for line in lines if line}
    if len(sums) != len(lines):
        return [f"{FILE} is not what was written"]
    found = {path.name: path for path in folder.iterdir() if path.name != FILE}
    problems = [f"{name} is gone" for name in sorted(sums.keys() - found.keys())]
    problems += [f"{name} was added" for name in sorted(found.keys() - sums.keys())]
    for name in sorted(sums.keys() & found.keys()):
        try:
            if _sum(found[name]) != sums[name]:
                problems.append(f"{name} is not what was written")
        except OSError as error:
            problems.append(f"{name} cannot be read: {error.strerror}")
    return problems


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
