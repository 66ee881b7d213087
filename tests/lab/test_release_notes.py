"""Release notes of real sdists, what they touch in real databases, and real versions."""

import json
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from heat_upgrade_checks.evidence.notes import touches as release_note_touches
from heat_upgrade_checks.evidence.notes.release_notes import lost_notes, new_notes
from tests.lab import venvs
from tests.lab.noted import (
    ALARM,
    CANARY,
    ID,
    MONASCA,
    WSGI,
    asked,
    folder_of,
    judged,
    notes_of,
    sign,
    write_plan,
)
from tests.services.heat_databases import PASSWORD, HeatDatabase
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL

# A stack, its nested stack and one behind an alias use it; what only tells of it does not.
STACKS: dict[str, tuple[Any, Any]] = {
    "root": ({"resources": {"alarms": {"type": "alarms.yaml"}}}, {}),
    "nested": (
        {"resources": {"0": {"type": ALARM, "properties": {"a": CANARY}}}},
        {"parameters": {"p": CANARY}},
    ),
    "cfn": ({"Resources": {"a": {"Type": ALARM}, "b": {"Type": ALARM}}}, None),
    "alias": (
        {"resources": {"a": {"type": "My::AlarmDefinition"}}},
        {"resource_registry": {"My::*": "OS::Monasca::*"}},
    ),
    "told": ({"description": f"once a {ALARM}", "resources": {}}, {}),
    "given-up": (
        {"resources": {"a": {"type": ALARM}}},
        {"resource_registry": {ALARM: "OS::Heat::None"}},
    ),
}


def _insert(heat: HeatDatabase) -> None:
    with heat._adding() as add:
        stacks = [*STACKS.items(), ("deleted", STACKS["nested"])]
        for number, (name, (template, environment)) in enumerate(stacks, 1000):
            # As heat/db/types.py stores them.
            stored = {"template": json.dumps(template), "environment": json.dumps(environment)}
            add("raw_template", id=number, **stored)
            add(
                "stack",
                id=f"id-of-{name}",
                name=name,
                raw_template_id=number,
                disable_rollback=True,
                **({"deleted_at": sa.func.now()} if name == "deleted" else {}),
            )


@pytest.fixture(scope="module", params=["mariadb", "postgresql"])
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HeatDatabase]:
    """A database that Heat 24 made, with the stacks above and a deleted one."""
    folder = tmp_path_factory.mktemp(request.param)
    kinds: dict[str, type[MariaDB | PostgreSQL]] = {"mariadb": MariaDB, "postgresql": PostgreSQL}
    with ExitStack() as running:
        server = kinds[request.param](folder / "server")
        running.callback(server.kill)
        server.start()
        server.add_database("heat", "heat", PASSWORD)
        made = HeatDatabase(server.url("heat", "heat", PASSWORD), folder)
        made.db_sync(24)
        _insert(made)
        yield made


# --- the notes of real releases


@pytest.mark.parametrize(("current", "target", "count"), [(24, 25, 5), (25, 26, 10)])
def test_the_notes_are_the_difference_of_the_two_sdists(
    current: int, target: int, count: int
) -> None:
    def names(release: int) -> set[str]:
        with tarfile.open(venvs.sdist(release)) as sdist:
            return {
                Path(name).name
                for name in sdist.getnames()
                if "/releasenotes/notes/" in name and name.endswith(".yaml")
            }

    found = [note.name for note in new_notes(notes_of(current), notes_of(target))]
    assert found == sorted(names(target) - names(current))
    assert len(found) == count
    assert lost_notes(notes_of(current), notes_of(target)) == ()


def test_what_touches_the_deployment_comes_first(tmp_path: Path) -> None:
    heat = HeatDatabase(f"sqlite:///{tmp_path}/heat.sqlite", tmp_path / "heat")
    heat.db_sync(24)
    _insert(heat)
    plan = write_plan(tmp_path, 24, 25, heat.url)
    option = f"[heat_api] bind_host is set in {tmp_path}/heat.conf"
    used = f"{ALARM} is used by 3 stacks"

    shown = asked(plan, "notes")
    assert shown.code == 0, shown.err
    lines = shown.out.splitlines()
    names = [line.split()[0] for line in lines if line.endswith("(to be acknowledged)")]
    assert names[:2] == [WSGI, MONASCA]
    assert len(names) == 5
    assert lines.index("Touching this deployment") < lines.index(f"{WSGI}  (to be acknowledged)")
    assert f"  touches: {used}" in lines
    assert option in shown.out.replace("\n           ", " ")

    opened = judged(plan, ID)
    assert opened.code == 2
    findings = opened.check(ID)["findings"]
    assert [each["object"] for each in findings] == names
    assert findings[0]["data"]["touches"] == [option]
    assert findings[1]["data"]["touches"] == [used]
    assert findings[1]["summary"].endswith(f"touches this deployment: {used}")
    assert [each["data"]["touches"] for each in findings[2:]] == [[], [], []]

    sign(plan)
    closed = judged(plan, ID)
    assert closed.code == 0, closed.out
    digests = {note.name: note.sha256 for note in new_notes(notes_of(24), notes_of(25))}
    for name in ("gate.html", "gate.md"):
        text = (closed.folder / name).read_text("utf-8")
        for note, digest in digests.items():
            assert note in text
            assert digest[:12] in text
        assert text.count("rehearsed") == text.count("Ann Example") == 5
        assert used in text
    for digest in digests.values():
        assert digest in (closed.folder / "gate.html").read_text("utf-8")


def test_the_sdists_of_the_last_upgrade_prove_nothing(tmp_path: Path) -> None:
    last = {side: str(venvs.sdist(each)) for side, each in (("current", 24), ("target", 25))}
    outcome = judged(write_plan(tmp_path, 25, 26, notes=last), ID)
    assert outcome.code == 3
    said = "has the notes of Heat 24.1.2 (2025.1), but the current release is 25.0.2 (2025.2)"
    assert said in outcome.check(ID)["reason"]


def test_one_changed_byte_opens_a_note_again(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, 24, 25)
    assert asked(plan, "notes").code == 0
    sign(plan)
    content = notes_of(25)
    changed = content[MONASCA].replace(b"retired.", b"retired,")
    assert sum(one != other for one, other in zip(content[MONASCA], changed, strict=True)) == 1
    both = folder_of(tmp_path, {**content, MONASCA: changed})
    outcome = judged(write_plan(tmp_path, 24, 25, notes=both), ID)
    assert outcome.code == 2
    blockers = [f for f in outcome.check(ID)["findings"] if f["level"] == "blocker"]
    assert [(f["object"], f["summary"]) for f in blockers] == [
        (MONASCA, "changed since it was acknowledged")
    ]


def test_a_fix_that_the_target_lacks_is_told() -> None:
    # What 25.0.0 did not have yet when 24.1.1 had it.
    name = "fix-heat-manage-update_params-59829be29d62efba.yaml"
    early = {each: content for each, content in notes_of(25).items() if each != name}
    assert lost_notes(notes_of(24), early) == (name,)


def test_without_the_database_the_notes_are_shown_all_the_same(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, 24, 25, f"sqlite:///{tmp_path}/there-is-none.sqlite")
    shown = asked(plan, "notes")
    assert shown.code == 0
    assert "  touches: [heat_api] bind_host is set in" in shown.out
    sentence = "which notes speak of a resource type of live stacks could not be told: database"
    assert sentence in shown.out
    assert shown.out.count("(to be acknowledged)") == 5
    (told,) = [
        each["summary"]
        for each in judged(plan, ID).check(ID)["findings"]
        if each["object"] == "what the notes touch"
    ]
    assert sentence in told


def test_who_uses_a_type_is_counted_on_every_server(database: HeatDatabase) -> None:
    notes = new_notes(notes_of(24), notes_of(25))
    touches, incomplete = release_note_touches.find(database.site(), notes)
    assert incomplete == ()
    assert touches == {MONASCA: (f"{ALARM} is used by 3 stacks",)}


def test_a_damaged_template_is_told(tmp_path: Path) -> None:
    heat = HeatDatabase(f"sqlite:///{tmp_path}/heat.sqlite", tmp_path)
    heat.db_sync(24)
    _insert(heat)
    engine = sa.create_engine(heat.url)
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE raw_template SET template = '{' || template WHERE id = 1001")
        )
    engine.dispose()
    touches, incomplete = release_note_touches.find(
        heat.site(), new_notes(notes_of(24), notes_of(25))
    )
    assert touches == {}
    assert "stack nested (id-of-nested): its row in raw_template holds no JSON" in incomplete[0]


def test_options_of_every_file_of_either_side_count(tmp_path: Path) -> None:
    heat = HeatDatabase(f"sqlite:///{tmp_path}/none.sqlite", tmp_path)
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "a.conf").write_text("[clients_monasca]\nendpoint-type = x\n", "utf-8")
    (tmp_path / "env").write_text("export X=1\nOS_DEFAULT__CONVERGENCE_ENGINE=true\n", "utf-8")
    site = heat.site()
    target = site.plan.target.model_copy(
        update={"config_dirs": (folder,), "environment_files": (tmp_path / "env",)}
    )
    site = replace(site, plan=site.plan.model_copy(update={"target": target}))
    touches, _ = release_note_touches.find(site, new_notes(notes_of(24), notes_of(25)))
    assert touches == {
        MONASCA: (f"[clients_monasca] endpoint_type is set in {folder}/a.conf",),
        "deprecate-legacy-engine-8e4954d69e6f8903.yaml": (
            f"[DEFAULT] convergence_engine is set in {tmp_path}/env",
        ),
    }
