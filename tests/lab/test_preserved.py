"""What was there before the upgrade, and what the upgrade itself failed, on Heat 25 becoming 26.

The tests stand in the order of the upgrade.
"""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.driver import Outcome
from tests.lab import stacks
from tests.lab.deployment import Lab
from tests.lab.gates import Gates
from tests.lab.heat import Api
from tests.lab.rolling import TARGET_VHOST, Rolling
from tests.services.processes import interrupted_by_sigterm
from tests.waiting import until

pytestmark = pytest.mark.nightly

BOTH = ("--only", "stacks.preserved", "--only", "stacks.failed-by-upgrade")


def _template(*strings: str, nested: bool = False) -> dict[str, Any]:
    """Random strings, each with an output of its name, perhaps one in a nested stack."""
    resources: dict[str, Any] = {name: {"type": "OS::Heat::RandomString"} for name in strings}
    outputs = {name: {"value": {"get_attr": [name, "value"]}} for name in strings}
    if nested:
        definition = {"type": "OS::Heat::RandomString"}
        resources["group"] = {
            "type": "OS::Heat::ResourceGroup",
            "properties": {"count": 2, "resource_def": definition},
        }
    return {"heat_template_version": "2018-08-31", "resources": resources, "outputs": outputs}


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    """The driver on a lab of its own with stacks, one of them nested; pre was judged."""
    with interrupted_by_sigterm(), Lab(tmp_path_factory.mktemp("lab-of-preserved")) as lab:
        made = Gates.of(Rolling.prepare(lab, 25, 26), tmp_path_factory.mktemp("gates"))
        made.acknowledge()
        for name, body in (
            ("keeper", _template("one", "two", nested=True)),
            ("changing", _template("one", "two")),
            ("doomed", _template("one", nested=True)),
        ):
            lab.stacks().create(name, body)
            lab.wait_stack(name, "CREATE_COMPLETE")
        yield made


@pytest.fixture(scope="module")
def begun(gates: Gates) -> Gates:
    """The same after the gate of phase pre opened."""
    outcome = gates.judge("pre")
    assert not outcome.red, outcome.out
    check = outcome.check("stacks.preserved")
    # Of the six, two are the groups' nested stacks.
    assert check["looked_at"].startswith("6 stacks (nested, hidden and backup included) with 13 ")
    stored = gzip.decompress((outcome.folder / "baseline.jsonl.gz").read_bytes()).decode()
    for secret in gates.rolling.lab.secrets:
        assert secret not in stored
    keeper = next(
        stack for stack in map(json.loads, stored.splitlines()) if stack.get("name") == "keeper"
    )
    assert keeper["outputs"] == ["one", "two"]
    assert {each["name"] for each in keeper["resources"]} == {"one", "two", "group"}
    return gates


def _findings(outcome: Outcome, level: str) -> dict[str, str]:
    findings = outcome.check("stacks.preserved")["findings"]
    return {f["object"]: f["summary"] for f in findings if f["level"] == level}


def test_nothing_has_changed(begun: Gates) -> None:
    outcome = begun.judge("post", *BOTH)
    assert outcome.code == 0, outcome.out
    assert outcome.outcomes("passed") == {"stacks.preserved", "stacks.failed-by-upgrade"}
    assert outcome.check("stacks.preserved")["findings"] == []


def test_a_replay_stores_no_baseline(begun: Gates) -> None:
    folders = list((begun.folder / "replays").rglob("gate.json"))
    assert folders
    assert not list((begun.folder / "replays").rglob("*.gz"))
    assert not list(begun.folder.rglob(".baseline*"))


def test_what_users_do_meanwhile_is_noted(begun: Gates) -> None:
    lab = begun.rolling.lab
    lab.delete_stack("doomed")
    lab.stacks().create("fresh", _template("one"))
    lab.stacks().update("changing", _template("one"))
    lab.wait_stack("fresh", "CREATE_COMPLETE")
    lab.wait_stack("changing", "UPDATE_COMPLETE")
    outcome = begun.judge("post", *BOTH)
    assert outcome.code == 0, outcome.out
    notes = _findings(outcome, "note")
    assert notes.keys() == {
        "2 stacks were deleted, as Heat does it",
        "1 resources were removed by an operation on their stack",
        "1 outputs were removed by an operation on their stack",
    }
    said = " ".join(notes.values())
    assert "doomed, doomed-group-" in said or ", doomed" in said
    assert "changing/two" in said
    assert len(outcome.check("stacks.preserved")["findings"]) == 3


def test_a_lost_resource_is_named(begun: Gates) -> None:
    mariadb = begun.rolling.lab.mariadb
    mariadb.execute(
        "DELETE r FROM resource r JOIN stack s ON s.id = r.stack_id "
        "WHERE s.name = 'keeper' AND r.name = 'two'",
        database="heat",
    )
    outcome = begun.judge("post", *BOTH)
    assert outcome.red == {"stacks.preserved"}
    assert outcome.code == 2
    ((subject, summary),) = _findings(outcome, "blocker").items()
    assert subject.startswith("resource two of stack keeper (")
    assert summary.startswith("is lost, and no event of Heat's accounts for it: ")


def test_a_lost_stack_is_named(begun: Gates) -> None:
    mariadb = begun.rolling.lab.mariadb
    ((id,),) = mariadb.execute("SELECT id FROM stack WHERE name = 'settled'", database="heat")
    for table in ("event", "resource", "sync_point"):
        mariadb.execute(f"DELETE FROM {table} WHERE stack_id = '{id}'", database="heat")
    mariadb.execute(f"DELETE FROM stack WHERE id = '{id}'", database="heat")
    outcome = begun.judge("post", *BOTH)
    assert outcome.red == {"stacks.preserved"}
    subjects = _findings(outcome, "blocker")
    assert len(subjects) == 2
    (stack,) = (subject for subject in subjects if subject.startswith("stack settled ("))
    assert id in stack
    assert subjects[stack].startswith("is missing from the database")


# --- both releases run


@pytest.fixture(scope="module")
def new_api(begun: Gates) -> Api:
    """An API of 26 with an engine of its own vhost, beside those of 25."""
    lab = begun.rolling.lab
    lab.db_sync(26)
    lab.engine(26, TARGET_VHOST, "control2").wait_up()
    return lab.api(26, TARGET_VHOST, "new-api")


def test_an_engine_of_the_other_vhost_that_is_taken_for_dead(begun: Gates, new_api: Api) -> None:
    lab = begun.rolling.lab
    assert begun.judge("post", "--only", "stacks.failed-by-upgrade").code == 0
    lab.create_stack("twice", seconds=60)
    at_work = (
        "SELECT COUNT(*) FROM resource WHERE name = 'step0' AND status = 'IN_PROGRESS' "
        "AND engine_id IS NOT NULL"
    )
    until(lambda: lab.mariadb.execute(at_work, database="heat") == [(1,)], "an engine at work")
    assert begun.judge("post", "--only", "stacks.failed-by-upgrade").code == 0
    lab.stacks(new_api).update("twice", stacks.template(seconds=20))
    twins = "SELECT COUNT(*) FROM resource WHERE name = 'step0'"
    until(lambda: lab.mariadb.execute(twins, database="heat") == [(2,)], "step0 made again")
    only = ("--only", "stacks.failed-by-upgrade")
    outcome = begun.judge("engine", "--host", "control1", *only)
    assert (outcome.code, outcome.red) == (2, {"stacks.failed-by-upgrade"})
    finding = _of_twice(outcome)
    assert finding["summary"].startswith(
        "is UPDATE IN_PROGRESS: resource step0 failed with a lost engine at "
    )
    assert finding["summary"].endswith(" UTC and was made a second time")
    (resource,) = finding["data"]["resources"]
    assert (resource["name"], len(resource["twins"])) == ("step0", 1)
    assert resource["physical_id"] not in resource["twins"]
    # The update removes the row that failed; its event still tells.
    lab.wait_stack("twice", "UPDATE_COMPLETE", api=new_api)
    outcome = begun.judge("engine", "--host", "control1", *only)
    assert (outcome.code, outcome.red) == (1, set())
    finding = _of_twice(outcome)
    assert finding["summary"].endswith(" UTC and was put right since")
    assert finding["data"]["resources"] == [{**resource, "remains": False}]


def _of_twice(outcome: Outcome) -> dict[str, Any]:
    (finding,) = outcome.check("stacks.failed-by-upgrade")["findings"]
    assert finding["object"].startswith("stack twice (")
    return dict(finding)
