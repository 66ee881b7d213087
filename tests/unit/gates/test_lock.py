"""What stands in the lock's place is never written to, and is not followed."""

import os
from pathlib import Path

import pytest

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.gates.lock import only_run


def test_a_symbolic_link_is_refused_and_its_target_left_alone(tmp_path: Path) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "upgrade"
    folder.mkdir()
    (folder / ".lock").symlink_to(victim)
    for content in (None, b"precious"):
        if content:
            victim.write_bytes(content)
        with (
            pytest.raises(UsageError, match=r"\.lock is a symbolic link.*; remove it$"),
            only_run(folder, "pre"),
        ):
            pass
        assert (victim.read_bytes() if victim.exists() else None) == content


def test_a_link_to_another_file_is_not_overwritten(tmp_path: Path) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "upgrade"
    folder.mkdir()
    victim.write_bytes(b"precious")
    (folder / ".lock").hardlink_to(victim)
    (folder / ".holder").symlink_to(victim)
    with only_run(folder, "pre"):
        assert victim.read_bytes() == b"precious"
        with (
            pytest.raises(UsageError, match=rf"^phase pre, since .*, process {os.getpid()} on "),
            only_run(folder, "pre"),
        ):
            pass


def test_a_pipe_for_the_holders_name_is_not_waited_for(tmp_path: Path) -> None:
    with only_run(tmp_path, "pre"):
        (tmp_path / ".holder").unlink()
        os.mkfifo(tmp_path / ".holder")
        with (
            pytest.raises(UsageError, match=r"^another process judges this upgrade"),
            only_run(tmp_path, "pre"),
        ):
            pass
