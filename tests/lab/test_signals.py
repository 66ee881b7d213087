"""A real Heat that waits for signals from outside, judged while it waits and after."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.deployment import Lab
from tests.lab.gates import Gates
from tests.lab.rolling import Rolling
from tests.services.processes import interrupted_by_sigterm
from tests.waiting import until

pytestmark = pytest.mark.nightly

ID = "stacks.waiting-on-signals"
HOST = "control1"
CANARY = "canary-of-a-parameter-77ce"


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    with interrupted_by_sigterm(), Lab(tmp_path_factory.mktemp("lab-of-signals")) as lab:
        yield Gates.of(Rolling.prepare(lab, 25, 26), tmp_path_factory.mktemp("gates"))


def _template(timeout: Any) -> dict[str, Any]:
    return {
        "heat_template_version": "2018-08-31",
        "parameters": {
            "wait": {"type": "number", "default": 600},
            "secret": {"type": "string", "default": CANARY, "hidden": True},
        },
        "resources": {
            "handle": {"type": "OS::Heat::WaitConditionHandle"},
            "condition": {
                "type": "OS::Heat::WaitCondition",
                "properties": {"handle": {"get_resource": "handle"}, "timeout": timeout},
            },
        },
    }


def _begin(gates: Gates, name: str, template: dict[str, Any], files: dict[str, str]) -> str:
    """Create a stack and wait until its wait condition is at work; the stack's id."""
    lab = gates.rolling.lab
    id = lab.stacks().create(name, template, files=files)
    query = (
        "SELECT 1 FROM resource r JOIN stack s ON s.id = r.stack_id WHERE r.name = 'condition' "
        "AND r.status = 'IN_PROGRESS' AND %s IN (s.id, s.owner_id)"
    )
    until(lambda: bool(lab.mariadb.execute(query, [id], database="heat")), "waiting for a signal")
    return id


def _findings(gates: Gates, phase: str, *arguments: str) -> list[dict[str, Any]]:
    outcome = gates.judge(phase, "--only", ID, *arguments)
    assert CANARY not in outcome.written
    return list(outcome.check(ID)["findings"])


def test_a_wait_condition_is_named_until_it_is_signalled(gates: Gates) -> None:
    id = _begin(gates, "waiting", _template({"get_param": "wait"}), {})
    (finding,) = _findings(gates, "pre")
    assert finding["level"] == "warning"
    project = gates.rolling.lab.keystone.project_id
    assert finding["object"] == f"resource condition of stack waiting ({id}), project {project}"
    assert finding["summary"].startswith("OS::Heat::WaitCondition waits for a signal, for at most ")
    (holder,) = gates.rolling.engine.engine_ids
    assert finding["summary"].endswith(f"; engine {HOST} ({holder}) holds it")
    assert 0 < finding["data"]["seconds_left"] < 600
    time.sleep(3)
    (later,) = _findings(gates, "pre")
    assert later["data"]["seconds_left"] <= finding["data"]["seconds_left"] - 3
    # Its own engine must not be taken away, another one may.
    assert [f["level"] for f in _findings(gates, "engine", "--host", HOST)] == ["blocker"]
    assert [f["level"] for f in _findings(gates, "engine", "--host", "other")] == ["warning"]
    assert [f["level"] for f in _findings(gates, "last-engine")] == ["blocker"]
    stacks = gates.rolling.lab.stacks()
    stacks._request("POST", f"stacks/waiting/{id}/resources/handle/signal", {})
    stacks.wait("waiting", "CREATE_COMPLETE")
    assert _findings(gates, "pre") == []
    assert _findings(gates, "engine", "--host", HOST) == []
    assert _findings(gates, "last-engine") == []


def test_a_wait_in_a_nested_stack_is_named_once_and_its_remedy_ends_it(gates: Gates) -> None:
    outer = {
        "heat_template_version": "2018-08-31",
        "resources": {"inner": {"type": "inner.yaml"}},
    }
    id = _begin(gates, "outer", outer, {"inner.yaml": json.dumps(_template(43200))})
    (finding,) = _findings(gates, "pre")
    assert finding["object"].startswith("resource condition of stack outer-inner-")
    assert finding["data"]["owner_id"] == id
    # The stack's hour ends before the condition's twelve.
    assert 1800 < finding["data"]["seconds_left"] < 3600
    assert re.search(r"for at most [3-5]\d min", finding["summary"])
    assert finding["commands"] == [["openstack", "stack", "cancel", "--no-rollback", id]]
    stacks = gates.rolling.lab.stacks()
    stacks.cancel("outer")
    stacks.wait("outer", "CREATE_FAILED")
    assert _findings(gates, "pre") == []


def test_a_timeout_that_only_the_engine_knows_is_bounded_by_the_stack(gates: Gates) -> None:
    id = _begin(gates, "unknown", _template({"str_split": [",", "700,800", 0]}), {})
    (finding,) = _findings(gates, "pre")
    ends = r"for an unknown time; the stack's timeout ends it in [3-5]\d min"
    assert re.search(ends, finding["summary"])
    stacks = gates.rolling.lab.stacks()
    stacks._request("POST", f"stacks/unknown/{id}/resources/handle/signal", {})
    stacks.wait("unknown", "CREATE_COMPLETE")
