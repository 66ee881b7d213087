"""The reports as files."""

from pathlib import Path

from heat_upgrade_checks.files.whole_file import put
from heat_upgrade_checks.records import gate as documents
from heat_upgrade_checks.records import journal
from heat_upgrade_checks.records import watch as recorded_watch
from heat_upgrade_checks.records.gate import Gate
from heat_upgrade_checks.report import html, index, junit, markdown


def write_reports(gate: Gate, folder: Path) -> None:
    """Leave the gate and everything rendered from it in `folder`, the document first."""
    put(folder / "gate.json", documents.dump(gate))
    put(folder / "gate.html", html.render(gate).encode())
    put(folder / "gate.md", markdown.render(gate).encode())
    put(folder / "junit.xml", junit.render(gate))


def refresh_index(upgrade_folder: Path) -> Path:
    """Tell the upgrade anew from what is found below `upgrade_folder`; where it was told."""
    gates = [(entry.folder.name, entry.gate) for entry in journal.entries(upgrade_folder)]
    target = upgrade_folder / "index.html"
    put(target, index.render(gates, recorded_watch.read(upgrade_folder)).encode())
    return target
