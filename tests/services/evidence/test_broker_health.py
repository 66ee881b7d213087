"""broker.healthy on a real RabbitMQ: well, alarmed, and without statistics."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker import connections
from heat_upgrade_checks.evidence.broker import health as broker_health
from heat_upgrade_checks.evidence.broker.health import BrokerHealth
from heat_upgrade_checks.gates.judgement import Judgement
from tests.judging import check_at, judge
from tests.services.evidence.test_broker import PASSWORD, broker_site
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
    assert gate.extent.startswith("1 nodes of RabbitMQ 3.")


def test_a_memory_alarm_is_a_blocker(tmp_path: Path) -> None:
    with RabbitMQ(tmp_path / "rabbitmq", "vm_memory_high_watermark.absolute = 1MB") as server:
        (finding,) = _judged(server, tmp_path, lambda it: bool(it.findings)).findings
    assert finding.level == "blocker"
    assert finding.summary == "has a memory alarm; it takes no message from anybody"


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


@pytest.fixture
def cluster() -> Iterator[tuple[str, dict[str, Any]]]:
    """A fake of what one machine cannot show: a cluster in trouble."""
    answers: dict[str, Any] = {
        "/api/whoami": {"tags": ["monitoring"]},
        "/api/overview": {
            "rabbitmq_version": "3.10.8",
            "rates_mode": "basic",
            "disable_stats": False,
        },
        "/api/nodes": [_node("a"), _node("b"), _node("c")],
        "/api/health/checks/node-is-quorum-critical": {"status": "ok"},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers[self.path]
            content = json.dumps(answer).encode()
            failed = isinstance(answer, dict) and answer.get("status") == "failed"
            self.send_response(503 if failed else 200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", answers
    server.shutdown()
    thread.join()
    server.server_close()


def _node(name: str, **changes: object) -> dict[str, object]:
    well: dict[str, object] = {"running": True, "mem_alarm": False, "disk_free_alarm": False}
    return {"name": name, **well, "partitions": [], **changes}


@pytest.mark.parametrize(
    ("nodes", "quorum", "expected"),
    [
        ([_node("a"), _node("b", running=False)], "ok", ["blocker node b: is not running"]),
        (
            [_node("a", partitions=["b"]), _node("b")],
            "ok",
            ["blocker node a: sees itself cut off from b"],
        ),
        (
            [_node("a", mem_alarm=True)],
            "ok",
            ["blocker node a: has a memory alarm; it takes no message from anybody"],
        ),
        (
            [_node("a")],
            "failed",
            ["warning quorum queues: one of them would lose its quorum with one more node"],
        ),
    ],
)
def test_a_cluster_in_trouble(
    cluster: tuple[str, dict[str, Any]],
    rabbitmq: RabbitMQ,
    tmp_path: Path,
    nodes: list[dict[str, object]],
    quorum: str,
    expected: list[str],
) -> None:
    url, answers = cluster
    answers["/api/nodes"] = nodes
    answers["/api/health/checks/node-is-quorum-critical"] = {"status": quorum}
    facts: BrokerHealth = broker_health.observe(
        broker_site(tmp_path, rabbitmq, "/", management=[url])
    )
    gate = judge(CHECK, "pre", broker_health=facts)
    assert [f"{f.level} {f.object}: {f.summary}" for f in gate.findings] == expected
