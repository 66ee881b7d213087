"""A gate that is interrupted says so, and waits for nobody."""

import signal
import socket

import pytest

from tests.driver import interrupt
from tests.plugin.conftest import Site


def test_a_gate_that_is_interrupted_is_incomplete(site: Site) -> None:
    program = (
        "from heat_upgrade_checks import cli\nfrom heat_upgrade_checks.gates import judgement\n"
        "def stop(*_): raise KeyboardInterrupt\n"
        "judgement.Judgement.looked_at = stop\n"
        "cli.run()"
    )
    reports = ("--reports", str(site.folder / "reports"))
    outcome = site.call("--phase", "pre", *reports, program=program)
    assert outcome.code == 3
    problems = [c["reason"] for c in outcome.gate["checks"] if c["id"] == "gate.whole"]
    assert "the run was interrupted before the gate had its answer" in problems


def test_ctrl_c_while_only_the_head_of_the_report_is_waited_for(site: Site) -> None:
    program = (
        "from heat_upgrade_checks import cli\n"
        "from heat_upgrade_checks.evidence.gather import Gatherer\n"
        "answered = Gatherer.observations\n"
        "def observations(self):\n"
        "    Gatherer.observations = answered\n"
        "    raise KeyboardInterrupt\n"
        "Gatherer.observations = observations\n"
        "cli.run()"
    )
    outcome = site.judge("pre", "--only", "release", program=program)
    assert (outcome.code, outcome.gate["verdict"]) == (3, "incomplete")
    assert "interrupted" in outcome.check("gate.whole")["reason"]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_no_silent_source(site: Site, by: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(180)
        site.edit_plan(broker={"management": [f"http://127.0.0.1:{silent.getsockname()[1]}"]})
        connections: list[tuple[socket.socket, object]] = []
        outcome = interrupt(
            *("--phase", "last-engine", "--only", "queues.empty"),
            *("--reports", site.folder / "reports"),
            cwd=site.folder,
            environment=site.shell,
            until=", phase last-engine: ",
            by=by,
            ready=lambda: connections.append(silent.accept()),
        )
        connections[0][0].close()
    assert (outcome.code, outcome.err) == (3, "")
    said = outcome.out.splitlines()
    assert said[-2] == "PARTIAL: no answer to the phase's question; INCOMPLETE (interrupted)"
    assert len(said) < 6
    assert outcome.gate["interrupted"] is True
    reasons = [check["reason"] for check in outcome.gate["checks"] if check["id"] == "gate.whole"]
    assert "the run was interrupted before the gate had its answer" in reasons
    errors = {record["source"]: record["error"] for record in outcome.gate["evidence"]}
    assert errors["old_queues"] == "RabbitMQ, old vhost: interrupted before it answered"


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_report_is_written_leaves_none(site: Site, by: signal.Signals) -> None:
    program = (
        "import signal\n"
        "from heat_upgrade_checks import cli\n"
        "from heat_upgrade_checks.gates import place\n"
        "place.write_reports = lambda *_: (print('writes', flush=True), signal.pause())\n"
        "cli.run()"
    )
    outcome = interrupt(
        *("--phase", "pre", "--only", "release", "--reports", site.folder / "reports"),
        cwd=site.folder,
        environment=site.shell,
        program=program,
        until="writes",
        by=by,
    )
    assert (outcome.code, outcome.err) == (3, "heat-upgrade-check: INCOMPLETE (interrupted)\n")
    assert not list((site.folder / "reports").rglob("*pre*"))
