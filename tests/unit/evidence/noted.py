"""Release notes as people write them, and where they lie."""

import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import yaml

from heat_upgrade_checks.evidence.notes.facts import Note
from tests.driver import Outcome, call

OLD = {"drop-python-39-aa.yaml": b"---\nupgrade:\n  - Python 3.9 is gone.\n"}
NEW = {
    **OLD,
    "deprecate-vitrage-bb.yaml": b"---\ndeprecations:\n  - |\n    Vitrage is deprecated.\n",
    "faster-cc.yaml": b"---\nfeatures:\n  - Faster.\nprelude: >\n  A release.\n",
}


def sdist(
    path: Path,
    notes: Mapping[str, bytes],
    folder: str = "releasenotes/notes",
    topmost: str = "openstack_heat-26.0.2",
    about: bytes = b"",
) -> Path:
    """An sdist with these notes; `about` is its PKG-INFO."""
    files = {f"{folder}/{name}": content for name, content in notes.items()}
    files = {f"{folder}/../../README.yaml": b"x", **({"PKG-INFO": about} if about else {}), **files}
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{topmost}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def tree(path: Path, notes: Mapping[str, bytes]) -> Path:
    """A folder with these notes."""
    path.mkdir(parents=True, exist_ok=True)
    for name, content in notes.items():
        (path / name).write_bytes(content)
    return path


def made(name: str, text: str = "Read me.", section: str = "upgrade") -> Note:
    """A note with one text."""
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
    return Note(name, digest, {section: (text,)})


def sign(path: Path, name: str, **words: str) -> None:
    """Fill in the entry of a note."""
    entries = yaml.safe_load(path.read_text())
    for entry in entries:
        if entry["name"] == name:
            entry.update(words)
    path.write_text(yaml.safe_dump(entries))


def upgrade(folder: Path, target: Mapping[str, bytes]) -> Path:
    """A plan with folders of notes."""
    tree(folder / "old", OLD)
    tree(folder / "new", {**OLD, **target})
    plan = folder / "plan.yaml"
    plan.write_text(
        "{name: notes, mode: rolling, current: {version: 25.0.2}, target: {version: 26.0.2}, "
        "notes: {current: old, target: new, acknowledgements: signed.yaml}}"
    )
    return plan


def notes(plan: Path, *words: str, columns: int = 80) -> Outcome:
    """`heat-upgrade-check notes` on a terminal of this width."""
    environment = {"COLUMNS": str(columns)}
    return call("notes", "--plan", plan, *words, cwd=plan.parent, environment=environment)
