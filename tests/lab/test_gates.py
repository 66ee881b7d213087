"""Each first check on a live Heat 25 that becomes 26: green, and red for its own real cause.

The tests stand in the order of the upgrade; `synced` and `moved` take its steps.
"""

import os
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.driver import Outcome
from tests.lab import stacks
from tests.lab.configuration import REPORT_INTERVAL
from tests.lab.deployment import Lab
from tests.lab.gates import Gates
from tests.lab.rolling import CURRENT_VHOST, TARGET_VHOST, Rolling
from tests.services.processes import free_port, interrupted_by_sigterm
from tests.settling import settled

OLD_HOST, NEW_HOST = "control1", "control2"

# What warns that 25 must not delete snapshots of 26.
SNAPSHOTS = {"schema.rehearsed", "schema.serves-current"}


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    """The driver on a lab of its own, with the hosts of both releases' engines in the plan."""
    with interrupted_by_sigterm(), Lab(tmp_path_factory.mktemp("lab-of-gates")) as lab:
        yield Gates.of(
            Rolling.prepare(lab, 25, 26),
            tmp_path_factory.mktemp("gates"),
            current={"engines": [OLD_HOST]},
            target={"engines": [NEW_HOST]},
        )


@pytest.fixture(scope="module")
def signed(gates: Gates) -> Gates:
    """The same after the release notes were signed."""
    gates.acknowledge()
    return gates


@pytest.fixture(scope="module")
def acknowledged(signed: Gates) -> Gates:
    """The same after the migration was rehearsed as well."""
    assert signed.call("rehearse").code == 1
    return signed


@pytest.fixture(scope="module")
def synced(acknowledged: Gates) -> Gates:
    """The same after 26's db_sync."""
    acknowledged.rolling.lab.db_sync(26)
    return acknowledged


@pytest.fixture(scope="module")
def moved(synced: Gates) -> Iterator[Gates]:
    """The same with an engine of 26 on the new vhost."""
    engine = synced.rolling.lab.engine(26, TARGET_VHOST, NEW_HOST).wait_up()
    yield synced
    engine.stop()


def _only(outcome: Outcome, id: str, kind: str = "failed") -> str:
    """This check alone is red; what it says."""
    assert outcome.red == {id}, outcome.out
    check = outcome.check(id)
    assert check["outcome"] == kind
    assert outcome.code == {"failed": 2, "error": 3}[kind]
    if kind == "error":
        return str(check["reason"])
    (finding,) = [f for f in check["findings"] if f["level"] != "note"]
    assert finding["hint"]
    return f"{finding['object']}: {finding['summary']}"


# --- before anything changes


def test_release_notes_are_to_be_acknowledged_first(gates: Gates) -> None:
    outcome = gates.judge("pre")
    assert outcome.red == {"release.notes-acknowledged"}
    assert outcome.code == 2
    names = {f["object"] for f in outcome.check("release.notes-acknowledged")["findings"]}
    assert any(name.startswith("make-snapshot-convergence-aware") for name in names)


def test_pre_is_go_where_25_never_works_on_the_schema_of_26(signed: Gates) -> None:
    cold = {"name": "cold", "mode": "cold"}
    assert signed.call("rehearse", **cold).code == 0
    outcome = signed.judge("pre", **cold)
    assert outcome.code == 0, outcome.out
    assert not outcome.red | outcome.outcomes("warned")


def test_pre_is_go_with_a_warning_of_snapshots(acknowledged: Gates) -> None:
    outcome = acknowledged.judge("pre")
    assert outcome.code == 1, outcome.out
    assert outcome.outcomes("warned") == {"schema.rehearsed"}
    said = [f for f in outcome.check("schema.rehearsed")["findings"] if f["level"] == "warning"]
    assert [f["object"] for f in said] == ["table snapshot"]
    assert outcome.outcomes("passed") == {
        "accounts.log-in",
        "api.answers",
        "backup.complete",
        "backup.exists",
        "backup.fresh",
        "backup.matches-database",
        "backup.restores",
        "broker.allows-queues",
        "broker.healthy",
        "code.upgrade-check",
        "config.credentials-decrypt",
        "queues.keep-messages",
        "release.notes-acknowledged",
        "release.path",
        "schema.at-head",
        "schema.change-cost",
        "schema.charset",
        "schema.expand-only",
        "schema.grants",
        "schema.legacy-version",
        "schema.max-packet",
        "schema.no-long-transactions",
        "schema.not-half-migrated",
        "schema.purge-backlog",
        "services.alive",
        "services.clock",
        "stacks.convergence",
        "stacks.too-many-events",
        "stacks.in-progress",
        "stacks.orphan-sync-points",
        "stacks.preserved",
        "stacks.resource-types",
        "stacks.stale-locks",
        "stacks.stuck",
        "stacks.waiting-on-signals",
    }
    assert acknowledged.judge("pre", "--warnings-ok").code == 0
    upgrade = outcome.gate["upgrade"]
    assert upgrade["current"] == {"version": "25.0.2", "series": "2025.2"}
    assert upgrade["target"] == {"version": "26.0.2", "series": "2026.1"}


def test_a_note_that_changed_after_it_was_acknowledged_is_open_again(
    acknowledged: Gates, tmp_path: Path
) -> None:
    with tarfile.open(acknowledged.plan["notes"]["target"]) as sdist:
        sdist.extractall(tmp_path, filter="data")
    (note,) = tmp_path.glob("*/releasenotes/notes/make-snapshot-convergence-aware*.yaml")
    note.write_text(note.read_text("utf-8") + "\n", "utf-8")
    outcome = acknowledged.judge("pre", notes={"target": str(note.parent)})
    assert _only(outcome, "release.notes-acknowledged") == (
        f"{note.name}: changed since it was acknowledged"
    )


def test_a_target_two_series_ahead(acknowledged: Gates) -> None:
    far = {"version": "27.0.1", "python": None}
    outcome = acknowledged.judge("pre", "--only", "release.path", target=far)
    assert "more than one series ahead" in _only(outcome, "release.path")


def test_no_backup(acknowledged: Gates, tmp_path: Path) -> None:
    outcome = acknowledged.judge("pre", backup={"path": str(tmp_path / "*.sql")})
    assert "no file matches" in _only(outcome, "backup.exists")
    assert outcome.outcomes("not-applicable") == {
        "backup.fresh",
        "backup.complete",
        "backup.matches-database",
        "backup.restores",
    }


def test_an_old_backup(acknowledged: Gates, tmp_path: Path) -> None:
    backup = Path(shutil.copy(acknowledged.plan["backup"]["path"], tmp_path))
    two_days_ago = time.time() - 2 * 86400
    os.utime(backup, (two_days_ago, two_days_ago))
    outcome = acknowledged.judge("pre", backup={"path": str(backup)})
    assert outcome.red == {"backup.fresh"}
    summaries = [f["summary"] for f in outcome.check("backup.fresh")["findings"]]
    assert any("the plan allows 24 h 0 min" in summary for summary in summaries)
    assert any("older than the last schema change" in summary for summary in summaries)


def test_a_backup_cut_at_60_percent(acknowledged: Gates, tmp_path: Path) -> None:
    whole = Path(acknowledged.plan["backup"]["path"]).read_bytes()
    cut = tmp_path / "heat.sql"
    cut.write_bytes(whole[: len(whole) * 6 // 10])
    outcome = acknowledged.judge("pre", backup={"path": str(cut)})
    assert "is cut off: `-- Dump completed` is missing" in _only(outcome, "backup.complete")


def test_a_backup_of_another_database(acknowledged: Gates, tmp_path: Path) -> None:
    backup = tmp_path / "backup.sql"
    acknowledged.rolling.lab.mariadb.dump("keystone", backup)
    outcome = acknowledged.judge("pre", backup={"path": str(backup)})
    assert "holds keystone, not heat" in _only(outcome, "backup.exists")


def test_a_database_that_is_not_at_the_head_of_the_running_release(acknowledged: Gates) -> None:
    mariadb = acknowledged.rolling.lab.mariadb
    mariadb.execute("UPDATE alembic_version SET version_num = '000000000000'", database="heat")
    try:
        outcome = acknowledged.judge("pre", "--only", "schema", "--only", "services")
    finally:
        mariadb.execute("UPDATE alembic_version SET version_num = 'c6214ca60943'", database="heat")
    assert outcome.red == {"schema.at-head", "schema.change-cost", "schema.expand-only"}
    (finding,) = outcome.check("schema.at-head")["findings"]
    assert "has its head at c6214ca60943" in finding["summary"]
    assert outcome.check("schema.expand-only")["outcome"] == "error"
    assert outcome.gate["partial"] is True


def test_a_stack_in_create_is_a_warning_before_anything_changes(acknowledged: Gates) -> None:
    lab = acknowledged.rolling.lab
    lab.create_stack("slow", seconds=8)
    time.sleep(1)
    pre = acknowledged.judge("pre")
    assert (pre.code, pre.outcomes("warned")) == (1, {"stacks.in-progress", "schema.rehearsed"})
    lab.wait_stack("slow", "CREATE_COMPLETE")
    lab.delete_stack("slow")


def test_a_killed_engine(acknowledged: Gates) -> None:
    lab = acknowledged.rolling.lab
    hosts = {"engines": [OLD_HOST, "control9"]}
    killed = lab.engine(25, CURRENT_VHOST, "control9").wait_up()
    assert _is_go(acknowledged.judge("pre", current=hosts))
    killed.kill()
    time.sleep(2 * REPORT_INTERVAL + 1)
    outcome = acknowledged.judge("pre", current=hosts)
    assert "engine host control9: reported last" in _only(outcome, "services.alive")
    # What the finding says to do.
    again = lab.engine(25, CURRENT_VHOST, "control9").wait_up()
    lab.manage(25, "service", "clean")
    assert _is_go(acknowledged.judge("pre", current=hosts))
    again.stop()


def test_installed_is_go_and_an_engine_that_cannot_be_placed_is_unknown(
    acknowledged: Gates,
) -> None:
    assert acknowledged.judge("installed").code == 0
    lab = acknowledged.rolling.lab
    lab.add_vhost("elsewhere")
    stray = lab.engine(25, "elsewhere", "control8").wait_up()
    try:
        outcome = _until(acknowledged, "installed", lambda it: "listens on elsewhere" in it.out)
    finally:
        stray.stop()
    said = _only(outcome, "services.versions", "error")
    assert f"the release of engine control8 ({stray.engine_ids[0]}) is unknown" in said
    assert _is_go(_until(acknowledged, "installed", _is_go))


def _until(
    gates: Gates, phase: str, when: Callable[[Outcome], bool], *arguments: str, **changes: Any
) -> Outcome:
    """Consumers appear in RabbitMQ's statistics a few seconds late."""
    return settled(
        lambda: gates.judge(phase, *arguments, **changes), when, f"this verdict of {phase}"
    )


def _is_go(outcome: Outcome) -> bool:
    """Nothing is red; all to know is of the snapshots of 26, and where the APIs are.

    The plan names no backend, so that all of them have moved is concluded.
    """
    of_apis = {"queues.no-new-work", "queues.no-api-left"}
    return not outcome.red and outcome.outcomes("warned") <= {*SNAPSHOTS, *of_apis}


# --- what cannot be observed


def _unobserved(
    outcome: Outcome, expected: set[str], words: str, also: frozenset[str] = frozenset()
) -> None:
    assert outcome.code == 3, outcome.out
    assert outcome.outcomes("error") == expected | also
    assert outcome.outcomes("passed"), "the other checks are judged all the same"
    for id in expected:
        reason = outcome.check(id)["reason"]
        assert words in reason
        assert "; " in reason, "it says what to do"
        assert "\n" not in reason


OF_THE_DATABASE = {
    "backup.complete",
    "backup.fresh",
    "backup.matches-database",
    "config.credentials-decrypt",
    "schema.at-head",
    "schema.change-cost",
    "schema.charset",
    "schema.expand-only",
    "schema.grants",
    "schema.legacy-version",
    "schema.max-packet",
    "schema.no-long-transactions",
    "schema.not-half-migrated",
    "schema.purge-backlog",
    "schema.rehearsed",
    "services.alive",
    "services.clock",
    "stacks.convergence",
    "stacks.too-many-events",
    "stacks.in-progress",
    "stacks.orphan-sync-points",
    "stacks.preserved",
    "stacks.stale-locks",
    "stacks.stuck",
    "stacks.waiting-on-signals",
}


def test_a_wrong_database_password(acknowledged: Gates) -> None:
    acknowledged.environment["HEAT_DB_PASSWORD"] = "canary-wrong-password-of-the-database"
    outcome = acknowledged.judge("pre", database={"password_env": "HEAT_DB_PASSWORD"})
    # Whether heat-api-cfn must answer is known from live stacks.
    expected = OF_THE_DATABASE | {"api.answers"}
    _unobserved(outcome, expected, "refuses this account or its password")
    assert "canary-wrong" not in outcome.written


def test_a_wrong_broker_password(acknowledged: Gates) -> None:
    acknowledged.environment["BROKER_PASSWORD"] = "canary-wrong-password-of-the-broker"
    outcome = acknowledged.judge(
        "pre", broker={"username": "heat", "password_env": "BROKER_PASSWORD"}
    )
    _unobserved(
        outcome,
        {
            "broker.allows-queues",
            "broker.healthy",
            "queues.keep-messages",
            "services.alive",
            "stacks.in-progress",
            "stacks.stuck",
        },
        "wrong password, or it lacks the monitoring tag",
    )
    assert "canary-wrong" not in outcome.written


def test_an_unreachable_api(acknowledged: Gates) -> None:
    backend = f"http://127.0.0.1:{free_port()}"
    outcome = acknowledged.judge("pre", api={"backends": [backend]})
    _unobserved(outcome, {"api.answers"}, backend)


def test_a_missing_interpreter(acknowledged: Gates, tmp_path: Path) -> None:
    outcome = acknowledged.judge("pre", current={"python": str(tmp_path / "bin" / "python")})
    _unobserved(
        outcome,
        {
            "code.upgrade-check",
            "config.credentials-decrypt",
            "release.notes-acknowledged",
            "release.path",
            "schema.at-head",
            "schema.legacy-version",
            "schema.rehearsed",
            "stacks.resource-types",
        },
        "bin/python: No such file",
    )


def test_a_stopped_database(acknowledged: Gates) -> None:
    lab = acknowledged.rolling.lab
    lab.mariadb.stop()
    try:
        # Without the API: Keystone has lost its database as well.
        outcome = acknowledged.judge("pre", api=None)
    finally:
        lab.mariadb.start()
        acknowledged.rolling.engine.wait_up()
    keystone_s = frozenset({"accounts.log-in"})
    _unobserved(outcome, OF_THE_DATABASE, "the server cannot be reached; start it", keystone_s)


def test_a_stopped_broker(acknowledged: Gates) -> None:
    lab = acknowledged.rolling.lab
    lab.rabbitmq.stop()
    try:
        only = ("services", "vhost", "stacks.failed-by-upgrade")
        words = [word for id in only for word in ("--only", id)]
        outcome = acknowledged.judge("engine", "--host", "control7", *words, api=None)
    finally:
        lab.rabbitmq.start()
        acknowledged.rolling.engine.wait_up()
    _unobserved(
        outcome,
        {"services.alive", "services.versions", "vhost.isolated"},
        "management API cannot be reached",
    )
    assert outcome.outcomes("passed") == {"stacks.failed-by-upgrade"}


# --- the schema is migrated, the new vhost exists


def test_a_database_one_revision_behind(acknowledged: Gates) -> None:
    acknowledged.rolling.lab.manage(26, "db_sync", "88be64598c0f")
    outcome = acknowledged.judge("synced")
    assert outcome.red == {"schema.at-head", "schema.not-half-migrated", "schema.serves-target"}
    (finding,) = outcome.check("schema.at-head")["findings"]
    assert finding["summary"] == "is at 88be64598c0f; Heat 26.0.2 has its head at 97b2a986f922"
    (finding,) = outcome.check("schema.not-half-migrated")["findings"]
    assert "97b2a986f922 did not run" in finding["summary"]


def test_synced_is_go(synced: Gates) -> None:
    outcome = synced.judge("synced")
    assert (outcome.code, outcome.outcomes("warned")) == (1, {"schema.serves-current"})
    (finding,) = [
        each
        for each in outcome.check("schema.serves-current")["findings"]
        if each["level"] == "warning"
    ]
    assert "resource_snapshot" in finding["object"] + finding["summary"]


def test_a_new_engine_on_the_old_vhost(synced: Gates) -> None:
    assert _is_go(_until(synced, "vhost", _is_go))
    wrong = synced.rolling.lab.engine(26, CURRENT_VHOST, NEW_HOST).wait_up()
    try:
        outcome = _until(synced, "vhost", lambda it: it.code == 2)
    finally:
        wrong.stop()
    assert _only(outcome, "vhost.isolated") == (
        f"engine {NEW_HOST} ({wrong.engine_ids[0]}): of the target release works on vhost "
        f"{CURRENT_VHOST}, not {TARGET_VHOST}"
    )
    assert _is_go(_until(synced, "vhost", _is_go))


def test_one_vhost_for_both_releases(synced: Gates) -> None:
    lab = synced.rolling.lab
    same = lab.configuration(26, CURRENT_VHOST, NEW_HOST)
    outcome = synced.judge("vhost", target={"config": [str(same)]})
    assert "both configurations name vhost" in _contradicted(outcome)


def test_one_vhost_for_both_releases_by_the_services_environment(
    synced: Gates, tmp_path: Path
) -> None:
    environment = tmp_path / "heat-engine.env"
    url = synced.rolling.lab.transport_url(CURRENT_VHOST)
    environment.write_text(f"OS_DEFAULT__TRANSPORT_URL={url}\n", "utf-8")
    outcome = synced.judge("vhost", target={"environment_files": [str(environment)]})
    assert str(environment) in _contradicted(outcome)


def test_two_vhosts_that_the_plan_calls_shared(synced: Gates) -> None:
    outcome = synced.judge("vhost", broker={"isolation": "shared"})
    assert "set broker.isolation: vhost" in _contradicted(outcome)


def _contradicted(outcome: Outcome) -> str:
    """What keeps the gate shut where the plan and both configurations differ."""
    assert outcome.code == 3, outcome.out
    assert outcome.outcomes("failed") == set()
    assert {"vhost.isolated", "vhost.exists", "vhost.rpc-compatible"} <= outcome.red
    return str(outcome.check("vhost.isolated")["reason"])


def test_a_shared_vhost_needs_one_rpc_version(synced: Gates) -> None:
    one = {"config": [str(synced.rolling.lab.configuration(26, CURRENT_VHOST, NEW_HOST))]}
    outcome = synced.judge("vhost", target=one, broker={"isolation": "shared"})
    assert _only(outcome, "vhost.rpc-compatible").startswith(
        "worker RPC: is 1.4 in the current and 1.9 in the target release"
    )
    same = {**one, "python": synced.plan["current"]["python"]}
    outcome = synced.judge("vhost", target=same, broker={"isolation": "shared"})
    assert outcome.check("vhost.rpc-compatible")["outcome"] == "passed"


# --- both releases run


def test_the_last_old_engine_has_a_phase_of_its_own(moved: Gates) -> None:
    outcome = _until(moved, "engine", lambda it: it.red == {"services.alive"}, "--host", OLD_HOST)
    said = _only(outcome, "services.alive")
    assert said.startswith(f"engine host {OLD_HOST}: has the last engine on vhost {CURRENT_VHOST};")


def test_both_releases_run_each_on_its_vhost(moved: Gates) -> None:
    other = moved.rolling.lab.engine(25, CURRENT_VHOST, "control3").wait_up()
    two = {"engines": [OLD_HOST, "control3"]}
    expected = {"queues.no-new-work", "services.versions"}
    outcome = _until(
        moved,
        "engine",
        lambda it: not it.red and it.outcomes("warned") - {*SNAPSHOTS} == expected,
        "--host",
        OLD_HOST,
        current=two,
    )
    other.stop()
    # The engine on control3 was started on the old vhost when the target's were allowed already.
    assert not outcome.red
    assert outcome.outcomes("warned") >= expected
    assert "is still given work by 1 API" in outcome.out
    assert outcome.outcomes("passed") == {
        "api.answers",
        "journal.in-order",
        "services.alive",
        "stacks.failed-by-upgrade",
        "stacks.held-by-host",
        "stacks.legacy-in-progress",
        "stacks.waiting-on-signals",
        "vhost.isolated",
    }


def test_post_names_the_engine_that_still_runs_the_old_release(moved: Gates) -> None:
    outcome = moved.judge("post", "--only", "services.versions", "--only", "schema")
    said = _only(outcome, "services.versions")
    assert said.startswith(f"engine {OLD_HOST} (")
    assert "runs the current release: it listens on vhost heat-n" in said


def test_an_old_api_is_left_on_the_old_vhost(moved: Gates) -> None:
    outcome = _until(moved, "last-engine", lambda it: it.red == {"queues.no-api-left"})
    said = _only(outcome, "queues.no-api-left")
    assert said.startswith("uwsgi (pid ")
    assert "on 127.0.0.1: has " in said
    assert "connections to vhost heat-n" in said
    pid = outcome.check("queues.no-api-left")["findings"][0]["data"]["pid"]
    assert pid in moved.rolling.api.pids


def test_wait_opens_the_gate_when_the_old_engine_has_done_its_work(moved: Gates) -> None:
    lab, rolling = moved.rolling.lab, moved.rolling
    lab.create_stack("draining", seconds=30)
    rolling.api.stop()
    lab.publish(lab.api(26, TARGET_VHOST, "new-api"))
    outcome = moved.judge("last-engine", "--wait", "5m", "--interval", "5s")
    assert (outcome.code, outcome.outcomes("warned")) == (1, {"queues.no-api-left"}), outcome.out
    query = (
        "SELECT MAX(e.created_at) FROM event e JOIN stack s ON s.id = e.stack_id "
        "WHERE s.name = 'draining'"
    )
    ((ended,),) = lab.mariadb.execute(query, database="heat")
    opened = datetime.fromisoformat(outcome.gate["finished_at"])
    assert opened >= ended.replace(tzinfo=UTC)
    drain = outcome.gate["drain"]
    # One round finds that nothing is left, and one judges everything at one moment.
    rested = [each for each in drain if not (each["stacks"] or each["resources"])]
    assert drain[-len(rested) :] == rested
    assert len(rested) <= 2
    assert (drain[0]["stacks"], drain[0]["resources"]) == (1, 1)
    assert (drain[-1]["stacks"], drain[-1]["resources"], drain[-1]["messages"]) == (0, 0, 0)
    assert '<path d="M' in (outcome.folder / "gate.html").read_text("utf-8")
    lab.delete_stack("draining")


@pytest.fixture(scope="module")
def lost(moved: Gates) -> Gates:
    """The old engine creates a stack of two steps, its API is gone; then it is stopped."""
    lab, rolling = moved.rolling.lab, moved.rolling
    old_api = lab.api(25, CURRENT_VHOST, "old-api")
    lab.create_stack("two-steps", seconds=25, steps=2, api=old_api)
    old_api.stop()
    red = {"stacks.in-progress", "stacks.held-by-host"}
    outcome = _until(moved, "last-engine", lambda it: it.red == red)
    # Every queue is empty, and still the gate is shut.
    assert outcome.check("queues.empty")["outcome"] == "passed"
    (finding,) = outcome.check("stacks.in-progress")["findings"]
    assert finding["object"].startswith("stack two-steps (")
    assert f"engine {OLD_HOST} (" in finding["summary"]
    (finding,) = outcome.check("stacks.held-by-host")["findings"]
    assert finding["object"].startswith(f"engine {OLD_HOST} (")
    assert "step0 of stack two-steps" in finding["summary"]
    rolling.engine.stop()
    return moved


def test_the_last_engine_stopped_too_early_leaves_a_stack_that_post_names(lost: Gates) -> None:
    time.sleep(2 * REPORT_INTERVAL + 1)
    outcome = _until(lost, "post", lambda it: it.red == {"stacks.stuck"})
    said = _only(outcome, "stacks.stuck")
    assert "stack two-steps (" in said
    assert "CREATE IN_PROGRESS" in said
    assert "no engine holds any of it, and nothing moved for" in said


def test_post_is_go_once_the_stuck_stack_was_updated(lost: Gates) -> None:
    lab = lost.rolling.lab
    lab.stacks().update("two-steps", stacks.template(0, 2))
    lab.wait_stack("two-steps", "UPDATE_COMPLETE")
    outcome = _until(lost, "post", _is_go)
    assert outcome.code == 0, outcome.out
    assert outcome.outcomes("passed") >= {
        "api.answers",
        "queues.old-residue",
        "schema.at-head",
        "services.alive",
        "services.versions",
        "stacks.failed-by-upgrade",
        "stacks.preserved",
        "stacks.stuck",
        "vhost.isolated",
        "vhost.notifications",
    }
    (note,) = outcome.check("queues.old-residue")["findings"]
    assert note["commands"] == [["rabbitmqctl", "delete_vhost", CURRENT_VHOST]]


def test_a_message_left_in_engine_worker(lost: Gates) -> None:
    assert _until(lost, "last-engine", _is_go).outcomes("warned") == {"queues.no-api-left"}
    lab = lost.rolling.lab
    lab.rabbitmq.publish(CURRENT_VHOST, "engine_worker", "{}")
    time.sleep(1)
    outcome = lost.judge("last-engine")
    assert outcome.red == {"queues.empty"}
    found = {f["object"]: f["summary"] for f in outcome.check("queues.empty")["findings"]}
    assert found["queue engine_worker"] == "1 messages wait (0 unacknowledged)"


def test_an_api_that_no_engine_hears(lost: Gates) -> None:
    old_api = lost.rolling.lab.api(25, CURRENT_VHOST, "older-api")
    outcome = lost.judge("post", "--only", "api", api={"backends": [old_api.root]})
    said = _only(outcome, "api.answers")
    assert said.startswith(old_api.root)
    assert "MessagingTimeout" in said
    assert requests.get(f"{old_api.root}/healthcheck", timeout=120).status_code == 200
    # It is what still uses the old vhost.
    outcome = _until(lost, "post", lambda it: it.red == {"queues.old-residue"})
    assert _only(outcome, "queues.old-residue").startswith("uwsgi (pid ")
    old_api.stop()
    assert _until(lost, "post", _is_go).code == 0
