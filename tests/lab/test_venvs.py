"""What the lab installs is pinned, whatever place it comes from."""

import pytest

from tests.lab import venvs


@pytest.mark.parametrize("release", venvs.RELEASES)
def test_lock_files_pin_everything_and_name_no_place(release: int) -> None:
    lines = (venvs.LOCKS / f"heat-{release}.txt").read_text().splitlines()
    assert venvs.version(release).startswith(f"{release}.")
    for line in lines:
        assert "==" in line
        assert "://" not in line


def test_an_unknown_release_has_no_lock_file() -> None:
    with pytest.raises(venvs.InstallError, match=r"no lock file heat-18\.txt"):
        venvs.interpreter(18)
