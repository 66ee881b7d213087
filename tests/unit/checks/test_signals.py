"""What waits for a signal, for how long, and what the check says of it at each phase."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from heat_upgrade_checks.evidence.broker.listeners import Listener
from heat_upgrade_checks.evidence.broker.old_queues import OldQueues
from heat_upgrade_checks.evidence.database.heat_tables import EVENT, RAW_TEMPLATE, RESOURCE, STACK
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.stacks.in_flight import ResourceInFlight, StackInFlight, in_flight
from heat_upgrade_checks.heat.signals import SignalWait, signal_wait
from heat_upgrade_checks.heat.templates import Definition
from heat_upgrade_checks.reading.placement import place
from tests.facts import a_database, a_row, a_stack
from tests.judging import NOW, check_at, judge, plan

CONDITION = "OS::Heat::WaitCondition"
CREATE_OR_UPDATE = frozenset({"CREATE", "UPDATE"})
ANY = frozenset({"CREATE", "UPDATE", "DELETE", "SUSPEND", "RESUME"})


@pytest.mark.parametrize(
    ("type", "properties", "expected"),
    [
        (CONDITION, {"timeout": 600}, SignalWait(CREATE_OR_UPDATE, 600.0)),
        (CONDITION, {"timeout": "600"}, SignalWait(CREATE_OR_UPDATE, 600.0)),
        (CONDITION, {"timeout": {"get_param": "wait"}}, SignalWait(CREATE_OR_UPDATE, 90.0)),
        (CONDITION, {"timeout": {"get_param": "sealed"}}, SignalWait(CREATE_OR_UPDATE, None)),
        (CONDITION, {"timeout": {"get_attr": ["a"]}}, SignalWait(CREATE_OR_UPDATE, None)),
        (CONDITION, {"timeout": True}, SignalWait(CREATE_OR_UPDATE, None)),
        (CONDITION, {"timeout": "nan"}, SignalWait(CREATE_OR_UPDATE, None)),
        (CONDITION, {"timeout": "soon"}, SignalWait(CREATE_OR_UPDATE, None)),
        (CONDITION, {}, SignalWait(CREATE_OR_UPDATE, None)),
        (
            "AWS::CloudFormation::WaitCondition",
            {"Timeout": {"Ref": "wait"}},
            SignalWait(CREATE_OR_UPDATE, 90.0),
        ),
        ("OS::Heat::SwiftSignal", {"timeout": 5}, SignalWait(frozenset({"CREATE"}), 5.0)),
        ("OS::Heat::SoftwareDeployment", {}, SignalWait(ANY, None)),
        ("OS::Heat::StructuredDeployment", {"signal_transport": "X"}, SignalWait(ANY, None)),
        ("OS::Heat::SoftwareDeployment", {"signal_transport": "NO_SIGNAL"}, None),
        ("OS::Heat::SoftwareDeployment", {"signal_transport": {"get_param": "mute"}}, None),
        # The members of its nested stack wait.
        ("OS::Heat::SoftwareDeploymentGroup", {}, None),
        ("OS::Heat::WaitConditionHandle", {}, None),
        ("OS::Nova::Server", {"timeout": 600}, None),
    ],
)
def test_signal_wait(type: str, properties: dict[str, Any], expected: SignalWait | None) -> None:
    values = {"wait": 90, "sealed": ["cryptography_decrypt_v1", "x"], "mute": "NO_SIGNAL"}
    assert signal_wait(type, Definition(type, properties), values) == expected


# --- what is read of resources in flight


def test_what_the_database_tells_of_a_resource_at_work() -> None:
    started, now = NOW.replace(tzinfo=None), NOW + timedelta(minutes=10)
    condition = {"type": CONDITION, "properties": {"timeout": {"get_param": "wait"}}}
    template = {
        "parameters": {"wait": {"default": 700}},
        "resources": {
            "condition": condition,
            "alias": {"type": "My::Wait", "properties": {"timeout": 800}},
            "own": {"type": "https://user:canary@example.org/a/nested.yaml"},
            "ending": condition,
        },
    }
    environment = {
        "resource_registry": {"My::Wait": CONDITION},
        "parameters": {"canary": "canary"},
    }
    dropped = {"resources": {"dropped": {"type": "OS::Heat::SoftwareDeployment"}}}
    engine = sa.create_engine("sqlite://")
    STACK.metadata.create_all(engine)
    with engine.begin() as connection:

        def add(table: sa.Table, **values: Any) -> None:
            connection.execute(table.insert().values(**values))

        add(RAW_TEMPLATE, id=1, template=json.dumps(template), environment=json.dumps(environment))
        add(RAW_TEMPLATE, id=2, template=json.dumps(dropped))
        add(RAW_TEMPLATE, id=3, template="{damaged")
        for id, raw_template in (("s1", 1), ("s3", 3)):
            stack = {"id": id, "name": id, "raw_template_id": raw_template, "created_at": started}
            add(STACK, action="UPDATE", status="IN_PROGRESS", **stack)
        for name, action, status, stack_id in (
            ("condition", "UPDATE", "IN_PROGRESS", "s1"),
            ("alias", "CREATE", "IN_PROGRESS", "s1"),
            ("own", "CREATE", "IN_PROGRESS", "s1"),
            ("ending", "DELETE", "IN_PROGRESS", "s1"),
            ("dropped", "DELETE", "IN_PROGRESS", "s1"),
            ("nowhere", "CREATE", "IN_PROGRESS", "s1"),
            ("any", "CREATE", "IN_PROGRESS", "s3"),
        ):
            row = {"name": name, "action": action, "status": status, "stack_id": stack_id}
            add(RESOURCE, current_template_id=2, **row)
        add(
            RESOURCE, name="alias", action="CREATE", status="COMPLETE", stack_id="s1", engine_id="e"
        )
        for seconds in (60, 90):
            at = started + timedelta(seconds=seconds)
            add(EVENT, stack_id="s1", resource_name="condition", created_at=at)
        found = {stack.id: stack.resources for stack in in_flight(connection, now, 3600).stacks}
    engine.dispose()
    told = [
        (each.name, each.status, each.type, each.waits_for_signal, each.signal_timeout, each.age)
        for each in found["s1"]
    ]
    assert told == [
        ("alias", "IN_PROGRESS", CONDITION, True, 800.0, 600.0),
        ("alias", "COMPLETE", "", False, None, 600.0),
        ("condition", "IN_PROGRESS", CONDITION, True, 700.0, 510.0),
        ("dropped", "IN_PROGRESS", "OS::Heat::SoftwareDeployment", True, None, 600.0),
        ("ending", "IN_PROGRESS", CONDITION, False, None, 600.0),
        ("nowhere", "IN_PROGRESS", "", False, None, 600.0),
        ("own", "IN_PROGRESS", "nested.yaml", False, None, 600.0),
    ]
    assert [each.type for each in found["s3"]] == [""]
    assert "canary" not in str(found)


# --- stacks.waiting-on-signals


def _resource(engine_id: str, **changes: Any) -> ResourceInFlight:
    made = ResourceInFlight("wait", "CREATE", "IN_PROGRESS", engine_id, CONDITION, True, 600, 100)
    return replace(made, **changes)


def _stack(*resources: ResourceInFlight, **changes: Any) -> StackInFlight:
    return a_stack(resources=resources, **{"age": 200, "still": 100, **changes})


def _database(*stacks: StackInFlight) -> Database:
    rows = (
        a_row("e1", "control1"),
        a_row("e2", "control2"),
        a_row("e3", "control1"),
        a_row("dead", "control1", silent=500),
    )
    return a_database(services=rows, in_flight=stacks)


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (
            _resource("e1"),
            f"{CONDITION} waits for a signal, for at most 8 min 20 s more; "
            "engine control1 (e1) holds it",
        ),
        (
            _resource("e1", signal_timeout=43200),
            f"{CONDITION} waits for a signal, for at most 56 min 40 s more; "
            "engine control1 (e1) holds it",
        ),
        (
            _resource("e1", signal_timeout=None),
            f"{CONDITION} waits for a signal, for an unknown time; the stack's timeout ends it in "
            "56 min 40 s; engine control1 (e1) holds it",
        ),
        (
            _resource("", age=601),
            f"{CONDITION} waits for a signal, beyond its timeout; unheld",
        ),
        (
            _resource("e9", type="", waits_for_signal=False, signal_timeout=None),
            "may wait for a signal, for its template does not tell its type, for an unknown time; "
            "the stack's timeout ends it in 56 min 40 s; engine e9 holds it",
        ),
        (_resource("e1", type="OS::Nova::Server", waits_for_signal=False), None),
        # Held, but not at work: its type is not looked up.
        (_resource("e1", type="", waits_for_signal=False, status="COMPLETE"), None),
    ],
)
def test_at_pre_a_wait_is_a_warning(resource: ResourceInFlight, expected: str | None) -> None:
    gate = judge(
        check_at("stacks.waiting-on-signals", "pre"), "pre", database=_database(_stack(resource))
    )
    said = [(f.level, f.object, f.summary) for f in gate.findings]
    where = "resource wait of stack web (s1), project p1"
    assert said == ([("warning", where, expected)] if expected else [])


def test_nothing_is_lost_with_a_wait_in_a_stack_that_failed() -> None:
    resources = (_resource("e1"), _resource("dead"), _resource(""))
    gate = judge(
        check_at("stacks.waiting-on-signals", "pre"),
        "pre",
        database=_database(_stack(*resources, status="FAILED")),
    )
    assert not gate.findings


@pytest.mark.parametrize(
    ("resource", "lock", "isolation", "level"),
    [
        (_resource("e1"), "", "vhost", "blocker"),
        (_resource("e2"), "", "vhost", "warning"),
        (_resource("dead"), "", "vhost", "warning"),
        (_resource(""), "", "vhost", "warning"),
        # A legacy stack is worked on by the engine that holds its lock.
        (_resource(""), "e1", "vhost", "blocker"),
        # The new engine of this host stays; on a shared vhost nothing tells which one that is.
        (_resource("e3"), "", "vhost", "warning"),
        (_resource("e3"), "", "shared", "blocker"),
    ],
)
def test_an_engine_that_waits_must_not_be_taken_away(
    resource: ResourceInFlight, lock: str, isolation: str, level: str
) -> None:
    facts = _database(_stack(resource, lock=lock))
    listeners = [Listener("e1", "heat-n", 1), Listener("e3", "heat-n1", 1)]
    gate = judge(
        check_at("stacks.waiting-on-signals", "engine"),
        "engine",
        host="control1",
        of=plan(broker={"isolation": isolation}),
        database=facts,
        placement=place(facts.services, listeners),
    )
    assert [f.level for f in gate.findings] == [level]


@pytest.mark.parametrize(
    ("holder", "isolation", "red"),
    [("e1", "vhost", True), ("e2", "vhost", False), ("", "vhost", True), ("e2", "shared", True)],
)
def test_at_last_engine_a_wait_must_be_on_the_new_side(
    holder: str, isolation: str, red: bool
) -> None:
    database = _database(_stack(_resource(holder)))
    listeners = [Listener("e1", "heat-n", 1), Listener("e2", "heat-n1", 1)]
    gate = judge(
        check_at("stacks.waiting-on-signals", "last-engine"),
        "last-engine",
        of=plan(broker={"isolation": isolation}),
        old_queues=OldQueues("http://mq", "heat-n", True, True, (), None, database, ""),
        placement=place(database.services, listeners),
    )
    assert [f.level for f in gate.findings] == (["blocker"] if red else [])


@pytest.mark.parametrize(
    ("action", "options"), [("CREATE", ["--no-rollback"]), ("UPDATE", []), ("DELETE", None)]
)
def test_a_nested_stack_is_cancelled_through_its_root(
    action: str, options: list[str] | None
) -> None:
    root = _stack(action=action)
    nested = _stack(_resource("e1"), id="s2", name="web-inner", owner_id="s1")
    gate = judge(
        check_at("stacks.waiting-on-signals", "pre"), "pre", database=_database(root, nested)
    )
    (finding,) = gate.findings
    assert finding.object == "resource wait of stack web-inner (s2), project p1"
    expected = () if options is None else (("openstack", "stack", "cancel", *options, "s1"),)
    assert finding.commands == expected
