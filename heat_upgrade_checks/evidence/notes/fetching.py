"""Fetches the sdists that hold the release notes; only when an operator asks for it."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from heat_upgrade_checks.errors import Unobserved, UsageError
from heat_upgrade_checks.evidence.notes import download as release_note_download
from heat_upgrade_checks.evidence.notes.note_files import read_notes

_SECONDS = 600
_BY_HAND = "or get both sdists by hand and name them in notes.current and notes.target of the plan"

_REASONS = {
    release_note_download.NO_PIP: "this tool's Python ({python}) has no pip to fetch with; "
    "install pip there",
    release_note_download.OTHER_PIP: "the pip of {python} cannot be used to fetch; install "
    "another version of pip there",
    release_note_download.NOT_FOUND: "where pip looks there is no sdist of openstack-heat for "
    "each of {versions}; correct the versions, or pip's index",
    release_note_download.UNREACHABLE: "the index that pip is configured for cannot be reached; "
    "correct the network or pip's configuration",
    release_note_download.DAMAGED: "an sdist came with another digest than the index gives, or "
    "too large; try again",
}


def fetch(folder: Path, versions: Sequence[str]) -> list[Path]:
    """The sdist of each version in the folder; those that are not there yet are downloaded.

    Either all of them appear there, or nothing changes.

    :raises UsageError: they cannot be had or not be written.
    """
    wanted = {version: folder / f"openstack_heat-{version}.tar.gz" for version in versions}
    missing = [version for version, path in wanted.items() if not path.exists()]
    try:
        with tempfile.TemporaryDirectory(
            dir=folder.parent, prefix=f".{folder.name}."
        ) as unfinished:
            if missing:
                _download(Path(unfinished), missing)
            for version in missing:
                read_notes(Path(unfinished) / wanted[version].name)
            folder.mkdir(exist_ok=True)
            for version in missing:
                (Path(unfinished) / wanted[version].name).replace(wanted[version])
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written ({error.strerror}); run as a user who may write there"
        ) from None
    except Unobserved:
        raise UsageError(f"what was fetched is no sdist of Heat; {_BY_HAND}") from None
    return list(wanted.values())


def _download(folder: Path, versions: Sequence[str]) -> None:
    # -P: what lies beside the script must not be imported in place of something of pip's.
    command = [sys.executable, "-P", release_note_download.__file__, str(folder), *versions]
    try:
        code = subprocess.run(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        raise UsageError(f"pip did not end within {_SECONDS} s; try again, {_BY_HAND}") from None
    if code:
        reason = _REASONS.get(code, "pip failed; try `{python} -m pip download`")
        told = reason.format(python=sys.executable, versions=" and ".join(versions))
        raise UsageError(f"{told}, {_BY_HAND}")
