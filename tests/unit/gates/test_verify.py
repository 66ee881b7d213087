"""What may not be read is neither whole nor broken."""

import os
from pathlib import Path

import pytest

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.gates.verify import verify
from heat_upgrade_checks.records.gate import NOTHING
from tests.judging import NOW, plan


@pytest.mark.parametrize("hidden", ["up", "up/01-pre", "up/01-pre/gate.json"])
def test_what_may_not_be_read_is_wrong_usage_and_not_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hidden: str
) -> None:
    # From within: another account may not pass the folders above.
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    gate = Path("up/01-pre")
    gate.mkdir(parents=True)
    (gate / "gate.json").write_text("{}", "utf-8")
    Path(hidden).chmod(0o000)
    mine = os.geteuid()
    if mine == 0:
        # Root may read everything.
        os.seteuid(65534)
    try:
        with pytest.raises(UsageError) as refused:
            verify(Path("up"), plan(), NOTHING, NOW)
    finally:
        os.seteuid(mine)
        Path(hidden).chmod(0o755)
    said = str(refused.value)
    assert said.startswith(f"{hidden}: Permission denied: it belongs to ")
    assert said.endswith("mode 0000, and this is run by nobody; run it as root")
