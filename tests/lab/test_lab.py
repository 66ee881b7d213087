"""The lab itself: its Heat is real, its processes are known, and nothing stays behind."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.lab.configuration import REPORT_INTERVAL
from tests.lab.rolling import CURRENT_VHOST, TARGET_VHOST, Rolling
from tests.services import processes
from tests.waiting import until

pytestmark = pytest.mark.nightly

ROOT = Path(__file__).parents[2]


def test_an_engine_is_up_when_its_row_reports_and_its_queues_exist(lab_25_26: Rolling) -> None:
    lab, engine = lab_25_26.lab, lab_25_26.engine
    (engine_id,) = engine.engine_ids
    query = "SELECT host, deleted_at FROM service WHERE engine_id = %s"
    assert lab.mariadb.execute(query, (engine_id,), "heat") == [("control1", None)]
    queues = {queue["name"] for queue in lab.rabbitmq.queues(CURRENT_VHOST)}
    assert f"engine_worker.{engine_id}" in queues
    assert lab.rabbitmq.queues(TARGET_VHOST) == []


def test_a_stack_is_made_and_deleted(lab_25_26: Rolling) -> None:
    lab = lab_25_26.lab
    lab.create_stack("quick")
    lab.wait_stack("quick", "CREATE_COMPLETE")
    lab.delete_stack("quick")


def test_a_slow_stack_stays_in_progress_and_completes(lab_25_26: Rolling) -> None:
    lab = lab_25_26.lab
    began = time.monotonic()
    lab.create_stack("slow", seconds=6)
    query = (
        "SELECT r.engine_id FROM resource r JOIN stack s ON s.id = r.stack_id "
        "WHERE s.name = 'slow' AND r.status = 'IN_PROGRESS'"
    )
    until(
        lambda: (
            {engine for (engine,) in lab.mariadb.execute(query, database="heat")}
            == set(lab_25_26.engine.engine_ids)
        ),
        "the engine works on stack slow",
    )
    assert lab.stacks().status("slow") == "CREATE_IN_PROGRESS"
    lab.wait_stack("slow", "CREATE_COMPLETE")
    assert time.monotonic() - began >= 6
    lab.delete_stack("slow")


def test_a_stack_can_be_made_to_fail(lab_25_26: Rolling) -> None:
    lab = lab_25_26.lab
    lab.create_stack("broken", fail=True)
    lab.wait_stack("broken", "CREATE_FAILED")
    with pytest.raises(processes.ServerError, match="stack broken: CREATE_FAILED: Resource CREATE"):
        lab.wait_stack("broken", "CREATE_COMPLETE")
    lab.delete_stack("broken")


def test_a_stopped_engine_says_goodbye_and_a_killed_one_does_not(lab_25_26: Rolling) -> None:
    lab = lab_25_26.lab
    query = "SELECT deleted_at IS NULL FROM service WHERE engine_id = %s"
    stopped = lab.engine(25, CURRENT_VHOST, "stopped")
    killed = lab.engine(25, CURRENT_VHOST, "killed", workers=2)
    stopped.wait_up()
    killed.wait_up()
    assert len(killed.engine_ids) == 2
    assert len(killed.pids) == 3
    stopped.stop()
    killed.kill()
    assert not stopped.pids
    assert not killed.pids
    assert lab.mariadb.execute(query, stopped.engine_ids, "heat") == [(0,)]
    for engine_id in killed.engine_ids:
        assert lab.mariadb.execute(query, (engine_id,), "heat") == [(1,)]


def test_a_killed_api_leaves_a_closed_port(lab_25_26: Rolling) -> None:
    api = lab_25_26.lab.api(25, CURRENT_VHOST, "second-api")
    assert processes.listening(api.port)
    api.kill()
    assert not processes.listening(api.port)
    assert not api.pids


def test_the_plan_names_what_is_there(lab_25_26: Rolling) -> None:
    plan = yaml.safe_load(lab_25_26.plan.read_text())
    assert (plan["name"], plan["mode"]) == ("lab-25-to-26", "rolling")
    paths = [plan["backup"]["path"], *plan["notes"].values()]
    for side in ("current", "target"):
        paths += [plan[side]["python"], *plan[side]["config"]]
    assert all(Path(path).is_file() for path in paths)
    assert "cloud" in plan["api"]
    assert lab_25_26.clouds_yaml.is_file()


def test_secrets_are_where_heat_needs_them_and_not_in_the_plan(lab_25_26: Rolling) -> None:
    configuration = lab_25_26.engine.configuration.read_text()
    credentials = lab_25_26.lab.credentials
    for secret in (credentials.database, credentials.broker, credentials.encryption_key):
        assert secret in configuration
    assert len(credentials.encryption_key) == 32
    plan = lab_25_26.plan.read_text()
    assert not [secret for secret in lab_25_26.lab.secrets if secret in plan]


def test_a_frozen_engine_stops_to_report(lab_25_26: Rolling) -> None:
    lab, engine = lab_25_26.lab, lab_25_26.engine
    query = "SELECT updated_at FROM service WHERE engine_id = %s"
    engine.freeze()
    try:
        before = lab.mariadb.execute(query, engine.engine_ids, "heat")
        time.sleep(REPORT_INTERVAL + 1)
        assert lab.mariadb.execute(query, engine.engine_ids, "heat") == before
    finally:
        engine.thaw()
    until(
        lambda: lab.mariadb.execute(query, engine.engine_ids, "heat") != before, "reporting again"
    )


def test_the_lab_by_hand_leaves_no_process_after_sigterm(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.lab",
        "up",
        "25",
        "26",
        "--folder",
        str(tmp_path / "lab"),
    ]
    lab = processes.Process("lab", command, tmp_path / "up.log", {"PYTHONPATH": str(ROOT)})
    lab.wait_until(lambda: "Ctrl-C" in lab.log.read_text(), "up")
    plan = yaml.safe_load((tmp_path / "lab" / "heat-upgrade.yaml").read_text())
    assert plan["name"] == "lab-25-to-26"
    children = processes_below(lab.pid)
    assert len(children) > 6
    lab.request_end(signal.SIGTERM)
    until(lambda: not lab.alive, "the lab by hand ended")
    assert not [pid for pid in children if processes.is_alive(pid)]


def processes_below(ancestor: int) -> list[int]:
    """All living descendants of a process."""
    listing = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    pairs = [tuple(map(int, line.split())) for line in listing.stdout.splitlines()]
    found = {ancestor}
    while more := {pid for pid, parent in pairs if parent in found} - found:
        found |= more
    return sorted(found - {ancestor})
