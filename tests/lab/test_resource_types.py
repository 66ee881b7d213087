"""Resource types as real Heats load them, and stacks that use what the next release drops.

The stacks are inserted: Heat would create none of these types without the services behind them.
"""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from heat_upgrade_checks.evidence.code.interpreter import Interpreter
from heat_upgrade_checks.evidence.stacks import resource_types
from heat_upgrade_checks.heat import templates
from tests.lab import venvs
from tests.lab.typed import ALARM, CANARY, ID, NOTIFICATION, insert, judged
from tests.services.heat_databases import PASSWORD, HeatDatabase
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL

# What 24 to 25 drops is used by these stacks ...
USED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "hot": ({"resources": {"note": {"type": NOTIFICATION, "properties": {"a": CANARY}}}}, {}),
    "nested": ({"resources": {"0": {"type": NOTIFICATION}}}, {"parameters": {"p": CANARY}}),
    "alias": (
        {"resources": {"note": {"type": "My::Note"}}},
        {"resource_registry": {"My::Note": NOTIFICATION}},
    ),
    "of-one-resource": (
        {"resources": {"note": {"type": "OS::Heat::None"}, "other": {"type": "OS::Heat::None"}}},
        {"resource_registry": {"resources": {"note": {"OS::Heat::None": NOTIFICATION}}}},
    ),
    "cfn": ({"Resources": {"alarm": {"Type": ALARM}}}, {}),
    "wildcard": (
        {"resources": {"alarm": {"type": "My::AlarmDefinition"}}},
        {"resource_registry": {"My::*": "OS::Monasca::*"}},
    ),
}
# A definition under a condition is a use where its stack has a row of that name ...
CONDITIONAL = {"resources": {"maybe": {"type": NOTIFICATION, "condition": "wanted"}}}
USED["switched-on"] = (CONDITIONAL, {})
# ... or may get it still.
USED["at-work"] = (CONDITIONAL, {})

OFF: dict[str, dict[str, Any]] = {
    "switched-off": CONDITIONAL,
    "switched-off-cfn": {"Resources": {"maybe": {"Type": ALARM, "Condition": "Wanted"}}},
}
# ... and not by these.
UNUSED: dict[str, tuple[dict[str, Any] | None, dict[str, Any] | None]] = {
    "told": ({"description": f"once a {NOTIFICATION}", "resources": {}}, {}),
    "given-up": (
        {"resources": {"note": {"type": NOTIFICATION}}},
        {"resource_registry": {"OS::Monasca::*": "OS::Heat::None"}},
    ),
    "other": ({"resources": {"value": {"type": "OS::Heat::Value"}}}, None),
    "empty": (None, {"resource_registry": {"My::Note": NOTIFICATION}}),
}


@pytest.fixture(scope="module", params=["sqlite", "mariadb", "postgresql"])
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HeatDatabase]:
    """A database that Heat 24 made, with the stacks above and a deleted one."""
    folder = tmp_path_factory.mktemp(request.param)
    kinds: dict[str, type[MariaDB | PostgreSQL]] = {"mariadb": MariaDB, "postgresql": PostgreSQL}
    with ExitStack() as running:
        url = f"sqlite:///{folder}/heat.sqlite"
        if request.param in kinds:
            server = kinds[request.param](folder / "server")
            running.callback(server.kill)
            server.start()
            server.add_database("heat", "heat", PASSWORD)
            url = server.url("heat", "heat", PASSWORD)
        made = HeatDatabase(url, folder)
        made.db_sync(24)
        for name, (template, environment) in {**USED, **UNUSED}.items():
            at_work = {"status": "IN_PROGRESS"} if name == "at-work" else {}
            insert(made, name, template, environment, **at_work)
        for name, template in OFF.items():
            insert(made, name, template, {})
        row = {"action": "CREATE", "status": "COMPLETE", "current_template_id": 1}
        with made._adding() as add:
            for stack, name in (("switched-on", "maybe"), ("switched-off", "other")):
                add("resource", uuid=stack, name=name, stack_id=f"id-of-{stack}", **row)
        insert(made, "deleted", USED["hot"][0], {}, deleted_at=datetime(2026, 1, 1))  # noqa: DTZ001
        yield made


def test_what_uses_a_lost_type_is_named(database: HeatDatabase, tmp_path: Path) -> None:
    outcome = judged(tmp_path, 24, 25, database.url)
    assert outcome.code == 2, outcome.out
    findings = outcome.check(ID)["findings"]
    off = {f["object"]: f["data"]["off"] for f in findings if f["level"] == "note"}
    found = {f["object"]: f for f in findings if f["level"] != "note"}
    assert {type: [use["stack"] for use in uses] for type, uses in off.items()} == {
        NOTIFICATION: ["switched-off"],
        ALARM: ["switched-off-cfn"],
    }
    uses = {
        type: {(use["stack"], use["resource"]) for use in finding["data"]["uses"]}
        for type, finding in found.items()
    }
    assert uses == {
        NOTIFICATION: {
            ("hot", "note"),
            ("nested", "0"),
            ("alias", "note"),
            ("of-one-resource", "note"),
            ("switched-on", "maybe"),
            ("at-work", "maybe"),
        },
        ALARM: {("cfn", "alarm"), ("wildcard", "alarm")},
    }
    assert {f["level"] for f in found.values()} == {"blocker"}
    assert found[ALARM]["summary"].startswith(
        "is a placeholder in the target release, which does nothing; used by 2 resources of live "
        "stacks, in "
    )
    assert found[ALARM]["data"]["uses"][0]["stack_id"].startswith("id-of-")


def test_where_nothing_is_lost_no_database_is_read(tmp_path: Path) -> None:
    outcome = judged(tmp_path, 25, 26, f"sqlite:///{tmp_path}/there-is-none.sqlite")
    assert outcome.code == 0, outcome.out
    assert "(none is lost)" in outcome.check(ID)["looked_at"]


def test_a_lost_type_needs_the_database(tmp_path: Path) -> None:
    outcome = judged(tmp_path, 24, 25, f"sqlite:///{tmp_path}/there-is-none.sqlite")
    assert outcome.code == 3, outcome.out
    assert "there-is-none.sqlite: it cannot be read" in outcome.check(ID)["reason"]


def test_a_template_that_is_no_json_is_unknown(tmp_path: Path) -> None:
    heat = HeatDatabase(f"sqlite:///{tmp_path}/heat.sqlite", tmp_path)
    heat.db_sync(24)
    insert(heat, "damaged", USED["hot"][0], {})
    with closing(sqlite3.connect(tmp_path / "heat.sqlite")) as connection, connection:
        connection.execute("UPDATE raw_template SET template = substr(template, 1, 80)")
    outcome = judged(tmp_path, 24, 25, heat.url)
    assert outcome.code == 3, outcome.out
    assert "stack damaged (id-of-damaged): its row in raw_template" in outcome.check(ID)["reason"]


# --- real registries


@pytest.mark.nightly
def test_what_each_release_loses() -> None:
    def ask(release: int) -> dict[str, str]:
        python = venvs.interpreter(release)
        answer = Interpreter(python, "current").ask(resource_types.LoadedTypes, "resource_types.py")
        assert answer.problems == ()
        assert len(answer.types) > 190
        return answer.types

    with ThreadPoolExecutor(2) as pool:
        types = dict(zip(venvs.RELEASES, pool.map(ask, venvs.RELEASES), strict=True))
    lost = {
        pair: sorted(dict(resource_types._lost(types[pair[0]], types[pair[1]])))
        for pair in pairwise(venvs.RELEASES)
    }
    assert {pair: len(names) for pair, names in lost.items() if names} == {
        (21, 22): 12,
        (22, 23): 12,
        (24, 25): 2,
        (26, 27): 1,
    }
    assert lost[24, 25] == [ALARM, NOTIFICATION]
    assert lost[26, 27] == ["OS::Vitrage::Template"]


RESOLVE = """
import json, sys
from heat.engine import environment, resources
resources.initialise()
for env, type, name in json.load(open(sys.argv[1])):
    registry = environment.Environment(env).registry
    print(json.dumps(registry.get_resource_info(type, name).name))
"""

CASES: list[tuple[dict[str, Any], str, str]] = [
    ({}, "OS::Heat::Value", "a"),
    ({"My::V": "OS::Heat::Value"}, "My::V", "a"),
    ({"My::V": "Other::V", "Other::V": "OS::Heat::Value"}, "My::V", "a"),
    ({"My::*": "OS::Heat::*"}, "My::Value", "a"),
    ({"My::*": "OS::Heat::None"}, "My::Value", "a"),
    # A wildcard comes before the type itself.
    ({"OS::*": "OS::Heat::None", "OS::Heat::Value": "OS::Heat::RandomString"},
     "OS::Heat::Value", "a"),
    ({"OS::Heat::*": "OS::Heat::None"}, "OS::Heat::None", "a"),
    # One that leads to no type does not count.
    ({"OS::*": "Site::*"}, "OS::Heat::Value", "a"),
    ({"OS::Heat::Value": "Site::Lost"}, "OS::Heat::Value", "a"),
    ({"resources": {"a": {"My::V": "OS::Heat::Value"}}, "My::V": "OS::Heat::None"}, "My::V", "a"),
    ({"resources": {"b": {"My::V": "OS::Heat::Value"}}, "My::V": "OS::Heat::None"}, "My::V", "a"),
    ({"resources": {"*": {"My::V": "OS::Heat::Value"}}, "My::V": "OS::Heat::None"}, "My::V", "a"),
    ({"resources": {"a": {"My::*": "OS::Heat::*"}}, "My::Value": "OS::Heat::None"},
     "My::Value", "a"),
    ({}, "file:///x.yaml", "a"),
]  # fmt: skip


def test_names_are_resolved_as_heat_does(tmp_path: Path) -> None:
    asked = tmp_path / "cases.json"
    asked.write_text(
        json.dumps([({"resource_registry": registry}, *rest) for registry, *rest in CASES]), "utf-8"
    )
    command = [str(venvs.interpreter(25)), "-I", "-c", RESOLVE, str(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    expected = [json.loads(line) for line in done.stdout.splitlines()]
    known = {"OS::Heat::Value", "OS::Heat::None", "OS::Heat::RandomString"}
    assert expected == [
        templates.resolve(type, name, {"resource_registry": registry}, known.__contains__)
        for registry, type, name in CASES
    ]
