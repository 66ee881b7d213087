"""broker.healthy on a real RabbitMQ: well, alarmed, and without statistics."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker import connections
from heat_upgrade_checks.evidence.broker import health as broker_health
from heat_upgrade_checks.gates.judgement import Judgement
from tests.judging import check_at, judge
from tests.services.evidence.broker_sites import PASSWORD, broker_site
from tests.services.evidence.proxies import Answer, before
from tests.services.rabbitmq import RabbitMQ
from tests.settling import settled

CHECK = check_at("broker.healthy", "pre")


def _judged(rabbitmq: RabbitMQ, folder: Path, when: Callable[[Judgement], bool]) -> Judgement:
    """A node that has just started reports its alarms some seconds late, and none of them first."""
    rabbitmq.add_user("heat", PASSWORD, "monitoring", {"/": (".*", ".*", ".*")})
    site = broker_site(folder, rabbitmq, "/")

    def ask() -> Judgement:
        gate = judge(CHECK, "pre", broker_health=broker_health.observe(site))
        assert when(gate) or gate.unknowns or not gate.findings
        return gate

    return settled(ask, when, "the node's own report of its health")


def test_a_broker_that_is_well(rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    gate = _judged(rabbitmq, tmp_path, lambda it: not it.unknowns)
    assert (gate.findings, gate.unknowns) == ([], [])
    assert gate.extent.startswith("1 node of RabbitMQ 3.")


def test_a_memory_alarm_is_a_blocker(tmp_path: Path) -> None:
    with RabbitMQ(tmp_path / "rabbitmq", "vm_memory_high_watermark.absolute = 1MB") as server:
        (finding,) = _judged(server, tmp_path, lambda it: bool(it.findings)).findings
    assert finding.level == "blocker"
    assert finding.summary == "has a memory alarm; the broker takes no message from anybody"


def test_an_alarm_is_seen_at_once(tmp_path: Path) -> None:
    """The list of nodes tells it some seconds late, here an hour."""
    folder = tmp_path / "rabbitmq"
    with RabbitMQ(folder, "disk_free_limit.absolute = 50MB", statistics_interval=3600) as server:
        site = broker_site(tmp_path, server, "/")
        server.add_user("heat", PASSWORD, "monitoring", {"/": (".*", ".*", ".*")})
        for resource in ("memory", "disk"):
            server.evaluate(
                f"rabbit_alarm:set_alarm({{{{resource_limit, {resource}, node()}}, []}})."
            )
        facts = broker_health.observe(site)
        (node,) = server.call("GET", "nodes")
        assert not node.get("mem_alarm")
    assert {(alarm.node, alarm.resource) for alarm in facts.alarms} == {
        (node["name"], "memory"),
        (node["name"], "disk space"),
    }
    gate = judge(CHECK, "pre", broker_health=facts)
    assert [finding.level for finding in gate.findings] == ["blocker", "blocker"]


def test_a_broker_without_statistics_is_unknown(tmp_path: Path) -> None:
    setting = "management_agent.disable_metrics_collector = true"
    with RabbitMQ(tmp_path / "rabbitmq", setting) as server:
        server.add_user("heat", PASSWORD, "monitoring", {"/": (".*", ".*", ".*")})
        facts = broker_health.observe(broker_site(tmp_path, server, "/"))
        with pytest.raises(Unobserved, match="keeps no statistics, so it lists no connection"):
            connections.observe(broker_site(tmp_path, server, "/"))
    gate = judge(CHECK, "pre", broker_health=facts)
    assert facts.statistics is False
    assert "keeps no statistics" in gate.unknowns[0]


@contextmanager
def _in_trouble(rabbitmq: RabbitMQ, answers: dict[str, Answer]) -> Iterator[str]:
    """What one machine cannot show, or no RabbitMQ says: these answers in place of its own."""

    def answer(path: str, real: Answer) -> Answer:
        given = [answers[part] for part in answers if path.startswith(f"/api/{part}")]
        return given[0] if given else real

    with before(rabbitmq, answer) as url:
        yield url


def _node(name: str, **changes: object) -> dict[str, object]:
    return {"name": name, "running": True, "partitions": [], "uptime": 1000, **changes}


def _nodes(*nodes: object) -> dict[str, Answer]:
    return {"nodes": (200, json.dumps(nodes).encode())}


CRITICAL = "health/checks/node-is-quorum-critical"
ALARMS = "health/checks/alarms"
FAILED = b'{"status": "failed", "reason": "There are quorum queues that would lose their quorum"}'
ALARMED = b'{"status": "failed", "alarms": [{"resource": "file_descriptor_limit", "node": "a"}]}'


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (
            _nodes(_node("a"), {"name": "b", "running": False}),
            ["blocker node b: is not running"],
        ),
        (
            _nodes(_node("a", partitions=["b"]), _node("b")),
            ["blocker node a: sees itself cut off from b"],
        ),
        (
            {CRITICAL: (503, FAILED)},
            ["warning quorum queues: one of them would lose its quorum with one more node"],
        ),
        (
            {ALARMS: (503, ALARMED)},
            [
                "blocker node a: has a file_descriptor_limit alarm; the broker takes no message "
                "from anybody"
            ],
        ),
    ],
)
def test_a_cluster_in_trouble(
    rabbitmq: RabbitMQ, tmp_path: Path, answers: dict[str, Answer], expected: list[str]
) -> None:
    rabbitmq.add_user("heat", PASSWORD, "monitoring", {"/": (".*", ".*", ".*")})
    with _in_trouble(rabbitmq, answers) as url:
        facts = broker_health.observe(broker_site(tmp_path, rabbitmq, "/", management=[url]))
    gate = judge(CHECK, "pre", broker_health=facts)
    assert [f"{f.level} {f.object}: {f.summary}" for f in gate.findings] == expected


@pytest.mark.parametrize(
    "answers",
    [
        {"nodes": (200, b"[]")},
        {"nodes": (200, b"{}")},
        _nodes({"running": True}),
        _nodes(_node("a", running="false")),
        _nodes(_node("a", running=None)),
        _nodes(_node("a", running=False)),
        {"overview": (200, b"{}")},
        {"overview": (200, b'{"rabbitmq_version": "3.10.8", "rates_mode": "basic"}')},
        {CRITICAL: (200, b"<html>")},
        {CRITICAL: (503, b"<html>")},
        {CRITICAL: (200, FAILED)},
        {CRITICAL: (503, b'{"status": "ok"}')},
        {CRITICAL: (404, b"{}")},
        {ALARMS: (200, b"{}")},
        {ALARMS: (503, FAILED)},
        {ALARMS: (503, b'{"status": "failed", "alarms": []}')},
        {ALARMS: (302, b"")},
    ],
)
def test_what_is_no_answer_of_rabbitmq_is_no_health(
    rabbitmq: RabbitMQ, tmp_path: Path, answers: dict[str, Answer]
) -> None:
    rabbitmq.add_user("heat", PASSWORD, "monitoring", {"/": (".*", ".*", ".*")})
    with (
        _in_trouble(rabbitmq, answers) as url,
        pytest.raises(Unobserved, match=r"broker\.management"),
    ):
        broker_health.observe(broker_site(tmp_path, rabbitmq, "/", management=[url]))
