"""db_sync, as a program that does what Heat's does."""

from pathlib import Path

from heat_upgrade_checks.rehearsal.migrate import migrate


def test_a_db_sync_whose_folder_was_removed_does_not_make_it_again(tmp_path: Path) -> None:
    folder = tmp_path / "heat-rehearsal-killed"
    folder.mkdir()
    python = tmp_path / "python"
    # The keeper of a tool that was killed, and then stevedore, which makes its cache.
    lines = ("#!/bin/sh", f"rm -r {folder}", 'mkdir -p "$HOME/.cache/python-entrypoints"', "exit 0")
    python.write_text("\n".join(lines) + "\n", encoding="utf-8")
    python.chmod(0o755)
    migrate(python, "sqlite:////nowhere/heat.sqlite", folder)
    assert not folder.exists()
