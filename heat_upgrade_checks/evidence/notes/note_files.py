"""Where a release's note files come from: an sdist, a folder or a tag in a git checkout."""

import gzip
import os
import re
import subprocess
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesHeaderParser
from pathlib import Path

from heat_upgrade_checks.errors import Unobserved

_NOTES = "releasenotes/notes"
_LARGEST = 256 * 1024
_IN_SDIST = re.compile(r"[^/]+/releasenotes/notes/([^/]+\.yaml)")
_ABOUT = "PKG-INFO"
_TOPMOST = re.compile(r".+-(\d+\.\d+\.\d[^-]*)")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]*")
_PIECE = 1024 * 1024
_GIT_SECONDS = 60


def read_notes(source: Path) -> dict[str, bytes]:
    """The note files, by name, of an sdist or of a folder: one of notes or a source tree.

    A source without any note proves nothing and is Unobserved.
    """
    with _reading(source):
        notes = dict(_in_folder(source) if source.is_dir() else _in_sdist(source))
    return _not_empty(notes, str(source))


def version_of(source: Path) -> str | None:
    """The version that an sdist or a source tree says it has; None for a mere folder of notes."""
    with _reading(source):
        if not source.is_dir():
            return _version_of_sdist(source)
        inside = source.resolve()
        root = inside.parents[1] if inside.match(_NOTES) else inside
        about = root / _ABOUT
        return _version_in(about.read_bytes()) if about.is_file() else None


def read_tag(checkout: Path, version: str) -> dict[str, bytes]:
    """The note files, by name, of the tag `version` in a git checkout of Heat."""
    if not _VERSION.fullmatch(version):
        raise Unobserved(f"{version!r} is no version to look for in {checkout}: correct the plan")
    tree = ("ls-tree", "-z", "-l", "--full-tree", f"refs/tags/{version}", f"{_NOTES}/")
    entries = _git(checkout, version, tree).split(b"\0")[:-1]
    blobs = dict(_blob(entry) for entry in entries if entry.endswith(b".yaml"))
    objects = "".join(f"{blob}\n" for blob in blobs.values())
    contents = _git(checkout, version, ("cat-file", "--batch"), objects)
    notes = dict(zip(blobs, _batched(contents), strict=True))
    return _not_empty(notes, f"{checkout} at tag {version}")


@contextmanager
def _reading(source: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        reason = getattr(error, "strerror", None) or "no whole .tar.gz archive"
        raise Unobserved(
            f"release notes in {source} cannot be read ({reason}): "
            "name an sdist of Heat or a folder with its release notes, or fetch both sdists with "
            "`heat-upgrade-check notes --fetch`"
        ) from None


def _in_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    inner = folder / _NOTES
    for path in sorted((inner if inner.is_dir() else folder).iterdir()):
        if path.suffix == ".yaml":
            _refuse_large(path.name, path.stat().st_size)
            yield _text(os.fsencode(path.name)), path.read_bytes()


def _in_sdist(path: Path) -> Iterator[tuple[str, bytes]]:
    """The notes in an sdist, which is read as a stream: no path in it is ever written to."""
    names: set[str] = set()
    with gzip.open(path) as stream, _archive(stream) as archive:
        for member in archive:
            found = _IN_SDIST.fullmatch(member.name)
            if not found:
                continue
            if found[1] in names:
                raise _not_plain(found[1], f"is twice in {path}")
            names.add(found[1])
            content = archive.extractfile(member) if member.isreg() else None
            if content is None:
                raise _not_plain(found[1], f"is no file in {path} but a link or the like")
            _refuse_large(found[1], member.size)
            yield found[1], content.read()
        while stream.read(_PIECE):
            pass  # The archive's end comes before the CRC.


def _version_of_sdist(path: Path) -> str | None:
    """What its PKG-INFO says, or its topmost folder's name where it has none."""
    topmost = None
    with gzip.open(path) as stream, _archive(stream) as archive:
        for member in archive:
            folder, _, name = member.name.partition("/")
            topmost = topmost or _TOPMOST.fullmatch(folder)
            about = name == _ABOUT and member.isreg() and archive.extractfile(member)
            if about:
                return _version_in(about.read(_LARGEST))
    return topmost[1] if topmost else None


def _archive(stream: gzip.GzipFile) -> tarfile.TarFile:
    return tarfile.open(fileobj=stream, mode="r|", errors="backslashreplace")


def _version_in(about: bytes) -> str | None:
    told = BytesHeaderParser().parsebytes(about)["Version"]
    return None if told is None else str(told)


def _blob(entry: bytes) -> tuple[str, str]:
    """Name and object of a line `<mode> blob <object> <size>\\t<path>` of ls-tree."""
    about, _, path = entry.partition(b"\t")
    mode, _kind, blob, size = about.decode("ascii").split()
    name = _text(path).rpartition("/")[2]
    if not mode.startswith("100"):
        raise _not_plain(name, "is no file in the git checkout but a link or the like")
    _refuse_large(name, int(size))
    return name, blob


def _batched(output: bytes) -> Iterator[bytes]:
    """The contents in the output of cat-file: `<object> blob <size>`, newline, bytes, newline."""
    while output:
        about, _, output = output.partition(b"\n")
        if about.endswith(b" missing"):
            raise Unobserved("the git checkout lacks release notes: name a full clone or an sdist")
        size = int(about.rpartition(b" ")[2])
        yield output[:size]
        output = output[size + 1 :]


def _git(checkout: Path, version: str, words: tuple[str, ...], stdin: str = "") -> bytes:
    # HOME leads to the operator's safe.directory; GIT_* of the caller would lead elsewhere.
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.environ.get("HOME", "/"),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }
    command = ["git", "--no-pager", "--no-replace-objects", "-C", str(checkout), *words]
    try:
        done = subprocess.run(  # noqa: S603
            command,
            input=stdin.encode(),
            capture_output=True,
            env=environment,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise Unobserved(f"{checkout} needs git to be read: install git here") from None
    except (OSError, subprocess.TimeoutExpired):
        raise Unobserved(
            f"git gave no answer on {checkout} within {_GIT_SECONDS} s: name an sdist instead"
        ) from None
    if done.returncode:
        raise Unobserved(_refused(done.stderr, checkout, version))
    return done.stdout


def _refused(complaint: bytes, checkout: Path, version: str) -> str:
    if b"dubious ownership" in complaint:
        return (
            f"git distrusts the owner of {checkout}: "
            f"run `git config --global --add safe.directory {checkout}`"
        )
    if b"not a git repository" in complaint or b"cannot change to" in complaint:
        return f"{checkout} is no git checkout: name one of Heat, or an sdist"
    if b"Not a valid object name" in complaint:
        return f"{checkout} has no tag {version}: run `git fetch --tags` there, or name an sdist"
    return f"git cannot read tag {version} in {checkout}: name a full clone or an sdist"


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def _not_plain(name: str, what: str) -> Unobserved:
    return Unobserved(
        f"release note {name} {what}, so what it says cannot be told: "
        "fetch the releases' own sdists with `heat-upgrade-check notes --fetch`"
    )


def _refuse_large(name: str, size: int) -> None:
    if size > _LARGEST:
        raise Unobserved(
            f"release note {name} has {size} bytes, more than {_LARGEST}: read it by hand"
        )


def _not_empty(notes: dict[str, bytes], source: str) -> dict[str, bytes]:
    if not notes:
        raise Unobserved(
            f"{source} holds no release notes ({_NOTES}/*.yaml): "
            "name an sdist or a checkout of Heat, for a wheel has none"
        )
    return notes
