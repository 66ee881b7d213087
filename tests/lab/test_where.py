"""`where` along a rolling upgrade of a real Heat, on the guide's way and beside it.

The tests stand in the order of the upgrade; each leaves the deployment as the next one finds it.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.driver import call
from tests.lab import stacks
from tests.lab.deployment import Lab
from tests.lab.rolling import CURRENT_VHOST, TARGET_VHOST, Rolling
from tests.services.processes import interrupted_by_sigterm
from tests.settling import settled

pytestmark = pytest.mark.nightly

OLD_HOST, NEW_HOST = "control1", "control2"


@dataclass
class Asked:
    """One lab, and `where` as an operator calls it there."""

    rolling: Rolling
    folder: Path

    @property
    def lab(self) -> Lab:
        """What runs."""
        return self.rolling.lab

    def where(self, when: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The answer, asked for again until it is this one: RabbitMQ tells seconds late."""
        return settled(self.ask, when, "this answer of `where`")

    def ask(self) -> dict[str, Any]:
        """What it answers now; the exit code says the same, and no secret is told."""
        outcome = call(
            "where", "--json", cwd=self.folder, environment={"HEAT_UPGRADE_PLAN": str(self.plan)}
        )
        assert not outcome.err
        assert not [secret for secret in self.lab.secrets if secret in outcome.out]
        told: dict[str, Any] = json.loads(outcome.out)
        assert told["exit_code"] == outcome.code
        return told

    @property
    def plan(self) -> Path:
        """The lab's plan, with the hosts of both releases' engines."""
        return self.rolling.plan.with_name("where.yaml")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with interrupted_by_sigterm(), Lab(tmp_path_factory.mktemp("lab-of-where")) as lab:
        rolling = Rolling.prepare(lab, 25, 26, notes=False)
        made = Asked(rolling, tmp_path_factory.mktemp("where"))
        plan = yaml.safe_load(rolling.plan.read_text("utf-8"))
        plan["current"]["engines"], plan["target"]["engines"] = [OLD_HOST], [NEW_HOST]
        made.plan.write_text(yaml.safe_dump(plan), "utf-8")
        yield made


def _gates(told: dict[str, Any]) -> list[str]:
    return [" ".join(call[1 : call.index("--plan")]) for call in told["next"]["gates"]]


def _is(code: int, words: str) -> Callable[[dict[str, Any]], bool]:
    """Whether this is the exit code, with these words in the next step."""
    return lambda told: (
        told["exit_code"] == code and words in (told["next"] or {"step": ""})["step"]
    )


def test_before_anything(asked: Asked) -> None:
    begin = _is(0, "Run 2026.1's db_sync")
    told = asked.where(lambda told: begin(told) and bool(told["apis"]))
    assert _gates(told) == ["--phase pre", "--phase installed"]
    (engine,) = told["engines"]
    assert (engine["host"], engine["release"]) == (OLD_HOST, "current")
    assert (engine["vhosts"], engine["workers"]) == ([CURRENT_VHOST], 1)
    assert engine["engine_ids"] == asked.rolling.engine.engine_ids
    (api,) = told["apis"]
    assert (api["vhost"], api["release"]) == (CURRENT_VHOST, "current")
    assert api["pid"] in asked.rolling.api.pids
    assert told["database"]["at"] == "current"


def test_a_database_amid_its_migrations(asked: Asked) -> None:
    asked.lab.manage(26, "db_sync", "88be64598c0f")
    told = asked.ask()
    assert (told["exit_code"], told["database"]["at"]) == (2, "half-way")
    assert "97b2a986f922 did not run" in told["next"]["step"]


def test_after_db_sync(asked: Asked) -> None:
    asked.lab.db_sync(26)
    told = asked.where(_is(0, f"Start the first engine of 2026.1 on vhost {TARGET_VHOST}"))
    assert _gates(told) == ["--phase synced", "--phase vhost"]
    assert told["database"] == {"at": "target", "revisions": ["97b2a986f922"], "why": ""}


def test_a_new_engine_on_the_old_vhost(asked: Asked) -> None:
    wrong = asked.lab.engine(26, CURRENT_VHOST, NEW_HOST).wait_up()
    told = asked.where(_is(2, f"Stop engine {NEW_HOST} of 2026.1, which works on vhost heat-n of"))
    assert _gates(told) == ["--phase vhost"]
    wrong.terminate()  # it takes its time, in which the right one starts


def test_a_new_engine_beside_the_old_one(asked: Asked) -> None:
    asked.lab.engine(26, TARGET_VHOST, NEW_HOST).wait_up()
    told = asked.where(_is(0, f"and move it onto vhost {TARGET_VHOST}"))
    assert _gates(told) == ["--phase engine --host 127.0.0.1"]
    placed = {each["host"]: (each["release"], each["vhosts"]) for each in told["engines"]}
    assert placed == {
        OLD_HOST: ("current", [CURRENT_VHOST]),
        NEW_HOST: ("target", [TARGET_VHOST]),
    }
    assert any(f"Do not stop engine {OLD_HOST}, the last" in each for each in told["must_not"])


def test_the_apis_have_moved_and_the_last_old_engine_works(asked: Asked) -> None:
    lab, old_api = asked.lab, asked.rolling.api
    lab.create_stack("two-steps", seconds=60, steps=2, api=old_api)
    old_api.stop()
    new_api = lab.api(26, TARGET_VHOST, "new-api")
    lab.publish(new_api)
    lab.stacks().show("settled")  # an API that has asked nothing has no connection
    told = asked.where(_is(0, f"Wait until engine {OLD_HOST}, the last of 2025.2"))
    assert _gates(told) == ["--phase last-engine"]
    (engine,) = [each for each in told["engines"] if each["host"] == OLD_HOST]
    assert engine["holds"][0].startswith("step0 of stack two-steps (")
    (stack,) = told["in_flight"]
    assert (stack["name"], stack["state"], stack["old_side"]) == ("two-steps", "worked-on", True)
    assert told["old_vhost"]["messages"] == 0
    assert [api["pid"] in new_api.pids for api in told["apis"]] == [True]


def test_the_last_old_engine_stopped_too_early(asked: Asked) -> None:
    engine = asked.rolling.engine
    engine.terminate()
    time.sleep(2)
    engine.kill()  # as a service manager does when its patience ends before the work
    told = asked.where(_is(2, "Help what nobody works on any more, stack two-steps ("))
    assert "openstack stack update --existing" in told["next"]["step"]
    assert told["in_flight"][0]["state"] == "lost"
    assert [each["host"] for each in told["engines"]] == [NEW_HOST]


def test_work_that_waits_where_nobody_reads(asked: Asked) -> None:
    asked.lab.rabbitmq.publish(CURRENT_VHOST, "engine_worker", "{}")
    told = asked.where(_is(2, f"Start an engine of 2025.2 on vhost {CURRENT_VHOST} again"))
    assert "1 message in the queues" in told["next"]["step"]
    # As if such an engine had read it.
    asked.lab.rabbitmq.call("DELETE", f"queues/{CURRENT_VHOST}/engine_worker/contents")


def test_the_end(asked: Asked) -> None:
    lab = asked.lab
    lab.stacks().update("two-steps", stacks.template(0, 2))
    lab.wait_stack("two-steps", "UPDATE_COMPLETE")
    told = asked.where(_is(0, "let phase post judge"))
    assert _gates(told) == ["--phase post"]
    assert told["in_flight"] == []
    assert any(f"Do not delete vhost {CURRENT_VHOST}" in each for each in told["must_not"])
