"""The reports as files."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from heat_upgrade_checks import gate as documents
from heat_upgrade_checks import journal, recorded_watch
from heat_upgrade_checks.gate import Gate
from heat_upgrade_checks.report import html, index, junit, markdown

_MODE = 0o640


def write_reports(gate: Gate, folder: Path) -> None:
    """Leave the gate and everything rendered from it in `folder`, the document first."""
    _put(folder / "gate.json", documents.dump(gate))
    _put(folder / "gate.html", html.render(gate).encode())
    _put(folder / "gate.md", markdown.render(gate).encode())
    _put(folder / "junit.xml", junit.render(gate))


def refresh_index(upgrade_folder: Path) -> Path:
    """Tell the upgrade anew from what is found below `upgrade_folder`; where it was told."""
    gates = [(entry.folder.name, entry.gate) for entry in journal.entries(upgrade_folder)]
    target = upgrade_folder / "index.html"
    _put(target, index.render(gates, recorded_watch.read(upgrade_folder)).encode())
    return target


def _put(path: Path, content: bytes) -> None:
    """Let the file appear whole or not at all."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), _MODE)
            Path(file.name).rename(path)
        except BaseException:
            Path(file.name).unlink()
            raise
