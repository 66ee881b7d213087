"""Virtual environments of Heat releases and Keystone, made once from lock files and cached."""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCKS = Path(__file__).parent / "locks"
RELEASES = range(19, 28)

# The newest Python on which every one of these releases runs.
PYTHON = "3.11"


class InstallError(RuntimeError):
    """An environment or a source distribution of the lab could not be made."""


def cache() -> Path:
    """The folder in which the lab keeps what it has installed."""
    chosen = os.environ.get("HEAT_LAB_CACHE")
    return (
        Path(chosen).absolute()
        if chosen
        else Path.home() / ".cache" / "heat-upgrade-checks" / "lab"
    )


def interpreter(release: int) -> Path:
    """The Python of a virtual environment that has this Heat release."""
    return _environment(f"heat-{release}")


def keystone_interpreter() -> Path:
    """The Python of a virtual environment that has Keystone."""
    return _environment("keystone")


def version(release: int) -> str:
    """The version of openstack-heat that stands for this release in the lab."""
    for line in _lock_file(f"heat-{release}").read_text(encoding="utf-8").splitlines():
        name, _, pinned = line.partition("==")
        if name == "openstack-heat":
            return pinned.strip()
    raise InstallError(f"the lock file of Heat {release} does not pin openstack-heat")


def sdist(release: int) -> Path:
    """The source distribution of this release, which unlike the wheel has the release notes."""
    wanted = f"openstack-heat=={version(release)}"
    folder = cache() / "sdists" / str(release)
    with made_once(folder) as missing:
        if missing:
            # pip insists on preparing the metadata; a build environment anew for each download
            # is what would make that slow.
            builder = _environment("builder", "pip\npbr\nsetuptools<80\nwheel\n")
            download = ["-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]
            _run(str(builder), *download, "--no-binary", ":all:", "--dest", str(folder), wanted)
    return next(folder.glob("openstack*heat-*.tar.gz"))


def _lock_file(name: str) -> Path:
    path = LOCKS / f"{name}.txt"
    if not path.is_file():
        raise InstallError(f"the lab has no lock file {path.name}")
    return path


def _environment(name: str, requirements: str | None = None) -> Path:
    text = requirements or _lock_file(name).read_text(encoding="utf-8")
    digest = hashlib.sha256(f"{PYTHON}\n{text}".encode()).hexdigest()[:16]
    folder = cache() / f"{name}-{digest}"
    python = folder / "bin" / "python"
    with made_once(folder) as missing:
        if missing:
            base = sys.executable if sys.version_info[:2] == (3, 11) else PYTHON
            wanted = folder / "requirements.txt"
            _run(*_uv(), "venv", "--quiet", "--python", base, str(folder))
            wanted.write_text(text, encoding="utf-8")
            install = ["pip", "install", "--quiet", "--python", str(python)]
            _run(*_uv(), *install, "--requirements", str(wanted))
    return python


@contextmanager
def made_once(folder: Path) -> Iterator[bool]:
    """Whether the folder must be made by the caller; other processes wait until it is complete."""
    complete = folder / ".complete"
    if complete.exists():
        yield False
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{folder}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if complete.exists():
            yield False
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield True
        complete.touch()


def _uv() -> list[str]:
    if importlib.util.find_spec("uv"):
        return [sys.executable, "-m", "uv"]
    found = shutil.which("uv")
    if found is None:
        raise InstallError("the lab installs Heat with uv, which is missing: pip install uv")
    return [found]


def _run(*command: str) -> None:
    # An environment in which the caller runs must not be mistaken for the one to be filled.
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise InstallError(
            f"{' '.join(command)} failed with {done.returncode}:\n{done.stderr[-3000:]}"
        )
