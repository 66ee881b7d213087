"""The judgement on what the engines of a host, or of the old vhost, hold."""

from dataclasses import replace
from typing import Any

import pytest

from heat_upgrade_checks.evidence.broker.connections import Client
from heat_upgrade_checks.evidence.broker.listeners import Listener
from heat_upgrade_checks.evidence.stacks.in_flight import StackInFlight
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.reading.placement import place
from tests.facts import (
    NEW,
    OLD,
    a_configuration,
    a_database,
    a_row,
    a_stack,
    connections_of,
)
from tests.judging import check_at, judge, plan
from tests.unit.reading.at_work import (
    ABANDONED,
    OUTLIVED,
    PAUSED,
    PLACEMENT,
    ROWS,
    deleting,
)


def _by_host(
    host: str,
    grace: int = 60,
    of: dict[str, Any] | None = None,
    stacks: tuple[StackInFlight, ...] = (a_stack("old"), a_stack(lock="old")),
    clients: tuple[Client, ...] = (),
) -> Judgement:
    configuration = replace(a_configuration(OLD, "control1"), graceful_shutdown_timeout=grace)
    return judge(
        check_at("stacks.held-by-host", "engine"),
        "engine",
        host=host,
        of=plan(**of or {}),
        database=a_database(services=BOTH_ON_CONTROL1, in_flight=stacks),
        placement=PLACEMENT_OF_BOTH,
        connections=connections_of(clients),
        current_configuration=configuration,
    )


# As on a site where the new engine starts beside the old one.
BOTH_ON_CONTROL1 = (*ROWS, a_row("new on control1", "control1"))
PLACEMENT_OF_BOTH = place(
    BOTH_ON_CONTROL1,
    [Listener("old", OLD, 1), Listener("new", NEW, 1), Listener("new on control1", NEW, 1)],
)


def test_a_wait_in_a_stack_that_failed_keeps_no_engine() -> None:
    assert not _by_host("control1", stacks=(ABANDONED,)).findings


def test_what_the_new_engine_of_the_same_host_holds_does_not_count() -> None:
    stacks = (a_stack("new on control1"),)
    gate = _by_host("control1", stacks=stacks)
    assert gate.findings == []
    assert gate.extent.endswith(
        "1 engine worker on control1, and 1 of the target release, which stay"
    )
    # On a shared vhost nothing tells which of them is the new one.
    shared = _by_host("control1", of={"broker": {"isolation": "shared"}}, stacks=stacks)
    assert [finding.object for finding in shared.findings] == ["engine control1 (new on control1)"]


def test_what_the_engines_of_a_host_hold() -> None:
    (finding,) = _by_host("control1").findings
    assert finding.level == "blocker"
    assert "holds r of stack web for 0 s, the lock of stack web; " in finding.summary
    assert "gives up after 60 s as heat.conf has it" in finding.summary
    assert "its service manager, which was not seen" in finding.summary
    assert [f.level for f in _by_host("control1", grace=0).findings] == ["warning"]
    assert _by_host("control2").findings == []


def test_an_engine_that_may_delete_a_snapshot_is_not_taken_away() -> None:
    (finding,) = _by_host("control1", stacks=(deleting(),)).findings
    assert finding.level == "blocker"
    assert "perhaps the deletion of snapshot nightly of stack web, for 0 s;" in finding.summary
    # It started since, or has given up by now.
    for age in (100, 9999):
        assert _by_host("control1", stacks=(deleting(age),)).findings == []


def test_an_engine_that_may_be_at_a_hook_is_not_taken_away() -> None:
    (finding,) = _by_host("control1", stacks=(PAUSED,)).findings
    assert finding.level == "blocker"
    assert (
        "holds perhaps the pause of r of stack web at its hook pre-create, for 0 s;"
        in finding.summary
    )
    # It began after the hook was reached.
    assert _by_host("control1", stacks=(OUTLIVED,)).findings == []


@pytest.mark.parametrize("grace", [0, 60])
def test_what_a_dead_engine_of_the_host_held_is_lost(grace: int) -> None:
    stacks = (a_stack("dead"), a_stack(lock="dead", id="s2", status="COMPLETE"))
    (finding,) = _by_host("control4", grace, stacks=stacks).findings
    assert (finding.level, finding.object) == ("blocker", "engine control4 (dead)")
    assert (
        finding.summary == "is dead and holds r of stack web for 0 s; nobody works on it any more"
    )
    assert finding.hint.startswith("Update it, so that a live engine takes it over")
    assert ("openstack", "stack", "update", "--existing", "s1") in finding.commands
    # A lock on a stack at rest is no work: see stacks.stale-locks.
    assert _by_host("control4", grace, stacks=stacks[1:]).findings == []


def test_a_host_that_no_service_row_knows_is_unknown_unless_it_is_an_apis() -> None:
    gate = _by_host("kontrol1")
    assert "no service row knows a host kontrol1" in gate.unknowns[0]
    assert "control1, control2, control3, control4" in gate.unknowns[0]
    api = _by_host("api1", of={"api": {"backends": ["http://api1:8004"]}})
    assert (api.findings, api.unknowns) == ([], [])


def test_an_api_may_be_named_by_the_address_that_the_broker_sees() -> None:
    client = Client("heat-api", 7, "192.0.2.7", "heat", 2, ("reply_1",))
    backends = {"api": {"backends": ["http://api1:8004"]}}
    seen = _by_host("192.0.2.7", of=backends, clients=(client,))
    assert (seen.findings, seen.unknowns) == ([], [])
    assert _by_host("192.0.2.8", of=backends, clients=(client,)).unknowns


def test_the_machine_tells_engines_that_share_a_host() -> None:
    rows = [replace(a_row(id, "heat"), hostname=f"control-{id}") for id in ("a", "b")]

    def held(host: str) -> list[str]:
        gate = judge(
            check_at("stacks.held-by-host", "engine"),
            "engine",
            host=host,
            database=a_database(services=tuple(rows), in_flight=(a_stack("a"),)),
            placement=place(rows, [Listener(row.engine_id, OLD, 1) for row in rows]),
            connections=connections_of(),
        )
        assert gate.unknowns == []
        return [finding.object for finding in gate.findings]

    assert held("control-a") == ["engine heat (a)"]
    assert held("control-b") == []
    assert held("heat") == ["engine heat (a)"]


def test_another_name_of_an_engines_host_is_unknown_even_where_it_is_an_apis() -> None:
    rows = (a_row("old", "control1.example.org"),)
    stacks = (a_stack("old"),)
    gate = judge(
        check_at("stacks.held-by-host", "engine"),
        "engine",
        host="control1",
        of=plan(api={"backends": ["http://control1:8004"]}),
        database=a_database(services=rows, in_flight=stacks),
        placement=place(rows, [Listener("old", OLD, 1)]),
        connections=connections_of(),
        current_configuration=a_configuration(OLD, "control1.example.org"),
        target_configuration=a_configuration(NEW, "control1.example.org"),
    )
    assert gate.findings == []
    assert gate.unknowns[0].endswith("give --host control1.example.org")


def test_what_the_engines_on_the_old_vhost_hold() -> None:
    stacks = (a_stack("old"), a_stack("new", id="s2"))
    gate = judge(
        check_at("stacks.held-by-host", "last-engine"),
        "last-engine",
        database=a_database(services=ROWS, in_flight=stacks),
        placement=PLACEMENT,
        current_configuration=a_configuration(OLD, "control1"),
    )
    assert [finding.object for finding in gate.findings] == ["engine control1 (old)"]
