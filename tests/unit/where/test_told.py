"""Where an upgrade stands, as the command tells it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from heat_upgrade_checks.evidence import gather
from heat_upgrade_checks.evidence.gather import Observation
from heat_upgrade_checks.gates.own_commands import CalledWith
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.where import command
from heat_upgrade_checks.where.derivation import Evidence
from heat_upgrade_checks.where.schema import At, Schema
from heat_upgrade_checks.where.telling import document, text
from tests.driver import call
from tests.facts import OLD, a_stack
from tests.judging import CALLED_WITH
from tests.unit.where.worlds import (
    API_MOVED,
    BESIDE,
    HEAD_25,
    HEAD_26,
    HELD,
    SYNCED,
    World,
    a_release,
    stands,
)

# --- what is told


def test_point_releases_are_told_apart_by_their_version() -> None:
    world = replace(World(), target=a_release("25.0.3", "2025.2", HEAD_25, "1.4"))
    found, _ = stands(world)
    assert (found.current.name, found.target.name) == ("25.0.2", "25.0.3")
    assert found.schema == Schema(At.BOTH, (HEAD_25,))


MINE = CalledWith(Path("/my plan.yaml"), Path("/r"))


def test_the_document() -> None:
    found, step = stands(replace(BESIDE, stacks=HELD, messages={"engine_worker.gone": 2}))
    told = document(found, step, MINE)
    assert json.loads(json.dumps(told)) == told
    assert set(told) == {
        "position", "current", "target", "engines", "apis", "unknown_clients", "database",
        "old_vhost", "in_flight", "next", "must_not", "unknown", "exit_code",
    }  # fmt: skip
    assert told["current"] == {
        "version": "25.0.2", "series": "2025.2", "vhost": OLD, "vhost_exists": True,
    }  # fmt: skip
    assert told["target"]["absent"] == []
    assert told["engines"][0] == {
        "host": "control1",
        "release": "current",
        "vhosts": [OLD],
        "workers": 1,
        "engine_ids": ["e-control1"],
        "holds": ["r of stack web (s1)"],
    }
    assert told["engines"][1]["release"] == "target"
    assert told["apis"] == [
        {
            "program": "uwsgi",
            "pid": 100,
            "host": "10.0.0.0",
            "release": "current",
            "vhost": OLD,
            "connections": 2,
            "consumers": 1,
        }
    ]
    assert told["database"] == {"at": "target", "revisions": [HEAD_26], "why": ""}
    assert told["old_vhost"] == {"messages": 0, "messages_to_dead_engines": 2}
    (stack,) = told["in_flight"]
    assert (stack["id"], stack["state"], stack["old_side"]) == ("s1", "worked-on", True)
    assert told["next"]["repair"] is False
    assert told["next"]["gates"] == [
        [
            *("heat-upgrade-check", "--phase", "engine", "--host", "10.0.0.0"),
            *("--plan", "/my plan.yaml", "--reports", "/r"),
        ]
    ]
    assert told["must_not"]
    assert (told["unknown"], told["exit_code"]) == ([], 0)


def test_an_api_on_the_new_vhost_may_run_either_release() -> None:
    found, step = stands(API_MOVED)
    assert document(found, step, CALLED_WITH)["apis"][0]["release"] is None
    assert any("unknown release on heat-n1" in line for line in text(found, step, CALLED_WITH))


def test_the_text() -> None:
    found, step = stands(replace(BESIDE, stacks=HELD))
    lines = list(text(found, step, MINE))
    assert lines[0].startswith("  2025.2 -> 2026.1: one engine of 2025.2 is left, and an API")
    assert "  control1: 2025.2 on heat-n, 1 worker, holds r of stack web (s1)" in lines
    assert "  control2: 2026.1 on heat-n1, 1 worker, holds nothing" in lines
    assert "  uwsgi (pid 100) on 10.0.0.0: 2025.2 on heat-n, 2 connections, 1 consumer" in lines
    assert f"  at the head of 2026.1 ({HEAD_26})" in lines
    after = lines[lines.index("Next:") :]
    call = "heat-upgrade-check --phase engine --host 10.0.0.0 --plan '/my plan.yaml' --reports /r"
    assert f"  $ {call}" in after
    assert "Not now:" in after


def test_a_long_list_is_cut_in_the_text_alone() -> None:
    hosts = tuple(f"control{number:02}@{OLD}" for number in range(30))
    found, step = stands(World(engines=hosts))
    assert any("and 10 more; --json lists all" in line for line in text(found, step, CALLED_WITH))
    assert len(document(found, step, CALLED_WITH)["engines"]) == 30


# --- the command


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[[Evidence, str], None]:
    """Let the sources answer with these facts, after one has read a secret."""

    def answers(evidence: Evidence, secret: str) -> None:
        def observations(gatherer: gather.Gatherer) -> dict[str, Observation]:
            gatherer._site.secrets.add(secret)
            return {
                name: Observation(
                    name,
                    datetime.now(UTC),
                    0.1,
                    1,
                    "",
                    evidence.unobserved.get(name, ""),
                    True,
                    getattr(evidence, name),
                )
                for name in command._SOURCES
            }

        monkeypatch.setattr(gather.Gatherer, "start", lambda *_: None)
        monkeypatch.setattr(gather.Gatherer, "observations", observations)

    return answers


def _installed(folder: Path) -> Plan:
    """The plan of a target of which everything is there."""
    there = folder / "there"
    there.touch()
    made = World().plan
    target = made.target.model_copy(update={"python": there, "config": (there,)})
    return made.model_copy(update={"target": target})


@pytest.mark.parametrize("as_json", [True, False])
def test_no_secret_leaves(
    answering: Callable[[Evidence, str], None], tmp_path: Path, as_json: bool
) -> None:
    secret = 'canary"of\\quotes'
    stack = a_stack("e-control1", name=f"a {secret}\x1b[31m")
    answering(
        replace(
            World(stacks=(stack,)).evidence,
            target_release=None,
            unobserved={"target_release": f"said {secret}"},
        ),
        secret,
    )
    answer = command.run(_installed(tmp_path), CALLED_WITH, as_json=as_json)
    assert answer.exit_code == 3
    assert "canary" not in answer.text
    assert "said ***" in answer.text
    assert "\x1b" not in answer.text


def test_the_json_object(answering: Callable[[Evidence, str], None], tmp_path: Path) -> None:
    answering(SYNCED.evidence, "")
    answer = command.run(_installed(tmp_path), CALLED_WITH, as_json=True)
    told = json.loads(answer.text)
    assert (told["schema"], told["exit_code"], answer.exit_code) == ("1", 0, 0)
    assert told["upgrade"] == {"name": "unit", "mode": "rolling", "isolation": "vhost"}
    assert told["next"]["gates"] == [
        list(CALLED_WITH.complete(("heat-upgrade-check", "--phase", phase)))
        for phase in ("synced", "vhost")
    ]
    assert {each["source"] for each in told["evidence"]} == set(command._SOURCES)


@pytest.mark.parametrize(
    ("target", "absent"),
    [
        ({}, ["target.python is not in the plan", "target.config is not in the plan"]),
        ({"python": "no", "config": ("yes",)}, ["no is not there"]),
        ({"python": "yes", "config": ("no",)}, ["no is not there"]),
        ({"python": "yes", "config_dirs": ("no",)}, ["no is not there"]),
        ({"python": "yes", "config": ("yes",)}, []),
        # Behind a prefix it is in a container.
        ({"python": "no", "prefix": ("podman", "exec"), "config": ("yes",)}, []),
    ],
)
def test_what_is_missing_of_the_target(
    tmp_path: Path, target: dict[str, Any], absent: list[str]
) -> None:
    (tmp_path / "yes").touch()

    def under(value: Any) -> Any:
        if isinstance(value, str):
            return tmp_path / value
        return tuple(under(each) for each in value)

    changes = {key: value if key == "prefix" else under(value) for key, value in target.items()}
    made = World().plan.target.model_copy(update=changes)
    there, missing = command._what_is_there(World().plan.model_copy(update={"target": made}))
    assert [each.replace(f"{tmp_path}/", "") for each in missing] == absent
    if not absent:
        assert there.target == made
    assert "no is" in str(absent) or there.target.python == made.python


def test_a_plan_that_cannot_be_read_is_wrong_usage(tmp_path: Path) -> None:
    outcome = call("where", "--plan", "none.yaml", cwd=tmp_path)
    assert (outcome.code, outcome.out) == (64, "")
    assert "plan none.yaml: No such file" in outcome.err


def test_a_deployment_that_nobody_answers_for(tmp_path: Path) -> None:
    (tmp_path / "heat-upgrade.yaml").write_text(
        "name: nowhere\n"
        "mode: cold\n"
        "current: {version: 25.0.2, config: [gone.conf]}\n"
        "target: {version: 26.0.2}\n",
        "utf-8",
    )
    outcome = call("where", "--json", cwd=tmp_path)
    assert (outcome.code, outcome.err) == (3, "")
    told = json.loads(outcome.out)
    assert (told["next"], told["must_not"], told["engines"]) == (None, [], None)
    assert any("gone.conf: No such file or directory" in sentence for sentence in told["unknown"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["heat-upgrade.yaml"]
