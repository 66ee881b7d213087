"""The reports as files, and the index over real folders."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heat_upgrade_checks.records import journal
from heat_upgrade_checks.records.gate import Gate, load
from heat_upgrade_checks.report import html, index_page, junit, markdown
from heat_upgrade_checks.report.write import refresh_index, write_reports
from tests.unit.report.conftest import STARTED

Read = Callable[[str], Any]


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_all_reports_are_written_for_owner_and_group_only(no_go: Gate, tmp_path: Path) -> None:
    write_reports(no_go, tmp_path)
    assert {path.name: _mode(path) for path in tmp_path.iterdir()} == {
        "gate.json": 0o640,
        "gate.html": 0o640,
        "gate.md": 0o640,
        "junit.xml": 0o640,
    }
    assert load(tmp_path / "gate.json") == no_go
    assert (tmp_path / "gate.html").read_text() == html.render(no_go)
    assert (tmp_path / "gate.md").read_text() == markdown.render(no_go)
    assert (tmp_path / "junit.xml").read_bytes() == junit.render(no_go)


def test_the_index_holds_every_gate_in_numeric_order(
    make: Callable[..., Gate], tmp_path: Path, read: Read
) -> None:
    for folder in ("10-synced", "9-installed", "02-pre"):
        (tmp_path / folder).mkdir()
        write_reports(make(phase=folder.partition("-")[2]), tmp_path / folder)
    (tmp_path / ".11-vhost.partly").mkdir()
    (tmp_path / "notes").mkdir()
    index = refresh_index(tmp_path)
    assert index == tmp_path / "index.html"
    assert _mode(index) == 0o640
    text = read(index.read_text()).text.partition("Gates (3)")[2]
    places = [text.index(folder) for folder in ("02-pre", "9-installed", "10-synced")]
    assert places == sorted(places)
    assert "11-vhost" not in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "gate.json cannot be read: No such file or directory"),
        (b"", "gate.json is not a gate document of version 1"),
        (b"{\xff", "gate.json is not a gate document of version 1"),
        (b'{"schema": "1", "verdict": "go"}', "gate.json is not a gate document of version 1"),
    ],
)
def test_an_unreadable_gate_stands_in_the_index(
    make: Callable[..., Gate], tmp_path: Path, read: Read, content: bytes | None, said: str
) -> None:
    for folder in ("01-pre", "02-installed"):
        (tmp_path / folder).mkdir()
    write_reports(make(phase="pre"), tmp_path / "01-pre")
    if content is not None:
        (tmp_path / "02-installed" / "gate.json").write_bytes(content)
    text = read(refresh_index(tmp_path).read_text()).text
    assert text.startswith("The latest gate could not be read; 0 of 7 phases passed")
    assert "1 gate could not be read" in text
    assert f"02-installed\nUNREADABLE\n{said}\n" in text


def test_a_replay_is_no_gate_of_the_journal(make: Callable[..., Gate], tmp_path: Path) -> None:
    (tmp_path / "01-pre").mkdir()
    write_reports(make(phase="pre", replayed_at=STARTED), tmp_path / "01-pre")
    (entry,) = journal.entries(tmp_path)
    assert entry.gate == "gate.json is that of a replay, which is no gate"
    assert journal.previous(tmp_path) is None
    assert entry.gate in journal.damage([entry])["01-pre"]


def test_a_folder_without_gates_has_an_index(tmp_path: Path, read: Read) -> None:
    assert read(refresh_index(tmp_path).read_text()).text.startswith("No gate yet; 0 of 8 phases")


def test_a_failed_write_leaves_the_old_index_and_no_litter(
    make: Callable[..., Gate], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "01-pre").mkdir()
    write_reports(make(phase="pre"), tmp_path / "01-pre")
    before = refresh_index(tmp_path).read_bytes()

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fchmod", refuse)
    with pytest.raises(OSError, match="No space left"):
        refresh_index(tmp_path)
    assert "index.html could not be written: No space left on device" in index_page.refresh(
        tmp_path
    )
    assert (tmp_path / "index.html").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01-pre", "index.html"]


def test_a_bug_in_the_index_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heat_upgrade_checks.report.index.render", lambda *_: 1 / 0)
    said = index_page.refresh(tmp_path)
    assert "index.html could not be written: this tool failed at it (ZeroDivisionError in" in said
