"""Release notes of real sdists, what they touch in real databases, and real versions."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.evidence.notes import fetching as release_note_fetching
from heat_upgrade_checks.evidence.notes import touches as release_note_touches
from heat_upgrade_checks.evidence.notes.note_files import read_notes
from heat_upgrade_checks.evidence.notes.release_notes import lost_notes, new_notes
from tests.driver import Outcome, call
from tests.lab import venvs
from tests.services.heat_databases import PASSWORD, HeatDatabase
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL

ID = "release.notes-acknowledged"
ALARM = "OS::Monasca::AlarmDefinition"
CANARY = "canary-of-a-template-91d3"
WSGI, MONASCA = (
    "drop-heat-wsgi-scripts-using-eventlet-fb27d7912ffbd0a4.yaml",
    "remove-monasca-dece91171a385669.yaml",
)

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


@cache
def _notes(release: int) -> dict[str, bytes]:
    return read_notes(venvs.sdist(release))


def _plan(folder: Path, current: int, target: int, url: str = "", /, **changes: Any) -> Path:
    conf = folder / "heat.conf"
    conf.write_text(
        f"[DEFAULT]\ndebug = true\n[heat_api]\nbind_host = {CANARY}\n"
        f"[database]\nconnection = {url}\n",
        "utf-8",
    )
    plan: dict[str, Any] = {
        "name": "notes",
        "mode": "rolling",
        "current": {"version": venvs.version(current), "config": [str(conf)]},
        "target": {"version": venvs.version(target)},
        "notes": {"current": str(venvs.sdist(current)), "target": str(venvs.sdist(target))},
    }
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump({**plan, **changes}), "utf-8")
    return path


def _call(plan: Path, *words: str | Path, **environment: str) -> Outcome:
    outcome = call(*words, "--plan", plan, cwd=plan.parent, environment=environment)
    assert PASSWORD not in outcome.out + outcome.err
    assert CANARY not in outcome.out + outcome.err
    return outcome


def _judge(plan: Path, id: str) -> Outcome:
    reports = plan.parent / "reports"
    outcome = _call(plan, "--phase", "pre", "--only", id, "--reports", reports)
    assert CANARY not in outcome.written
    return outcome


def _folder_of(folder: Path, notes: dict[str, bytes]) -> dict[str, str]:
    """What a plan says of the notes of 24 and of these."""
    changed = folder / "changed"
    changed.mkdir()
    for name, content in notes.items():
        (changed / name).write_bytes(content)
    return {"current": str(venvs.sdist(24)), "target": str(changed)}


def _sign(plan: Path) -> None:
    path = plan.parent / "heat-upgrade-notes.yaml"
    entries = yaml.safe_load(path.read_text("utf-8"))
    for entry in entries:
        entry.update(by="Ann Example", at="2026-11-22", remark="rehearsed")
    path.write_text(yaml.safe_dump(entries), "utf-8")


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

    found = [note.name for note in new_notes(_notes(current), _notes(target))]
    assert found == sorted(names(target) - names(current))
    assert len(found) == count
    assert lost_notes(_notes(current), _notes(target)) == ()


def test_what_touches_the_deployment_comes_first(tmp_path: Path) -> None:
    heat = HeatDatabase(f"sqlite:///{tmp_path}/heat.sqlite", tmp_path / "heat")
    heat.db_sync(24)
    _insert(heat)
    plan = _plan(tmp_path, 24, 25, heat.url)
    option = f"[heat_api] bind_host is set in {tmp_path}/heat.conf"
    used = f"{ALARM} is used by 3 stacks"

    shown = _call(plan, "notes")
    assert shown.code == 0, shown.err
    lines = shown.out.splitlines()
    names = [line.split()[0] for line in lines if line.endswith("(to be acknowledged)")]
    assert names[:2] == [WSGI, MONASCA]
    assert len(names) == 5
    assert lines.index("Touching this deployment") < lines.index(f"{WSGI}  (to be acknowledged)")
    assert f"  touches: {used}" in lines
    assert option in shown.out.replace("\n           ", " ")

    opened = _judge(plan, ID)
    assert opened.code == 2
    findings = opened.check(ID)["findings"]
    assert [each["object"] for each in findings] == names
    assert findings[0]["data"]["touches"] == [option]
    assert findings[1]["data"]["touches"] == [used]
    assert findings[1]["summary"].endswith(f"touches this deployment: {used}")
    assert [each["data"]["touches"] for each in findings[2:]] == [[], [], []]

    _sign(plan)
    closed = _judge(plan, ID)
    assert closed.code == 0, closed.out
    digests = {note.name: note.sha256 for note in new_notes(_notes(24), _notes(25))}
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
    outcome = _judge(_plan(tmp_path, 25, 26, notes=last), ID)
    assert outcome.code == 3
    said = "has the notes of Heat 24.1.2 (2025.1), but the current release is 25.0.2 (2025.2)"
    assert said in outcome.check(ID)["reason"]


def test_one_changed_byte_opens_a_note_again(tmp_path: Path) -> None:
    plan = _plan(tmp_path, 24, 25)
    assert _call(plan, "notes").code == 0
    _sign(plan)
    content = _notes(25)
    changed = content[MONASCA].replace(b"retired.", b"retired,")
    assert sum(one != other for one, other in zip(content[MONASCA], changed, strict=True)) == 1
    both = _folder_of(tmp_path, {**content, MONASCA: changed})
    outcome = _judge(_plan(tmp_path, 24, 25, notes=both), ID)
    assert outcome.code == 2
    blockers = [f for f in outcome.check(ID)["findings"] if f["level"] == "blocker"]
    assert [(f["object"], f["summary"]) for f in blockers] == [
        (MONASCA, "changed since it was acknowledged")
    ]


def test_a_fix_that_the_target_lacks_is_told() -> None:
    # What 25.0.0 did not have yet when 24.1.1 had it.
    name = "fix-heat-manage-update_params-59829be29d62efba.yaml"
    early = {each: content for each, content in _notes(25).items() if each != name}
    assert lost_notes(_notes(24), early) == (name,)


def test_without_the_database_the_notes_are_shown_all_the_same(tmp_path: Path) -> None:
    plan = _plan(tmp_path, 24, 25, f"sqlite:///{tmp_path}/there-is-none.sqlite")
    shown = _call(plan, "notes")
    assert shown.code == 0
    assert "  touches: [heat_api] bind_host is set in" in shown.out
    sentence = "which notes speak of a resource type of live stacks could not be told: database"
    assert sentence in shown.out
    assert shown.out.count("(to be acknowledged)") == 5
    (told,) = [
        each["summary"]
        for each in _judge(plan, ID).check(ID)["findings"]
        if each["object"] == "what the notes touch"
    ]
    assert sentence in told


def test_who_uses_a_type_is_counted_on_every_server(database: HeatDatabase) -> None:
    notes = new_notes(_notes(24), _notes(25))
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
    touches, incomplete = release_note_touches.find(heat.site(), new_notes(_notes(24), _notes(25)))
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
    touches, _ = release_note_touches.find(site, new_notes(_notes(24), _notes(25)))
    assert touches == {
        MONASCA: (f"[clients_monasca] endpoint_type is set in {folder}/a.conf",),
        "deprecate-legacy-engine-8e4954d69e6f8903.yaml": (
            f"[DEFAULT] convergence_engine is set in {tmp_path}/env",
        ),
    }


# --- fetching


def _with_pip() -> dict[str, str]:
    """The environment in which this Python has pip, which not every one has."""
    builder = venvs._environment("builder", "pip\npbr\nsetuptools<80\nwheel\n")
    (packages,) = builder.parent.parent.glob("lib/python*/site-packages")
    return {"PYTHONPATH": str(packages)}


def test_notes_are_fetched_as_pip_would(tmp_path: Path) -> None:
    plan = _plan(tmp_path, 24, 25)
    document = yaml.safe_load(plan.read_text("utf-8"))
    del document["notes"]
    plan.write_text(yaml.safe_dump(document), "utf-8")
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}
    isolated = {"PIP_CONFIG_FILE": "/dev/null", "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": ""}
    before = sorted(tmp_path.iterdir())
    failed = _call(plan, "notes", "--fetch", **_with_pip(), **isolated, **nowhere)
    assert failed.code == 64
    assert failed.out.startswith("fetching the sdists of openstack-heat 24.1.2 and 25.0.2 into ")
    assert failed.err.count("\n") == 1
    assert "the index that pip is configured for cannot be reached" in failed.err
    assert sorted(tmp_path.iterdir()) == before, "nothing half written"

    fetched = _call(plan, "notes", "--fetch", **_with_pip())
    assert fetched.code == 0, fetched.err
    assert fetched.out.count("(to be acknowledged)") == 5
    for release in (24, 25):
        path = tmp_path / "heat-upgrade-notes" / f"openstack_heat-{venvs.version(release)}.tar.gz"
        assert path.read_bytes() == venvs.sdist(release).read_bytes()
    lines = yaml.safe_load("notes:" + fetched.out.partition("\nnotes:")[2])
    assert lines == {
        "notes": {
            "current": "heat-upgrade-notes/openstack_heat-24.1.2.tar.gz",
            "target": "heat-upgrade-notes/openstack_heat-25.0.2.tar.gz",
        }
    }
    plan.write_text(yaml.safe_dump(document | lines), "utf-8")
    _sign(plan)
    # What is there is not fetched again, and the plan has the lines.
    again = _call(plan, "notes", "--fetch", **_with_pip(), **isolated, **nowhere)
    assert again.code == 0
    assert "5 acknowledged, 0 to fill in" in again.out.splitlines()[-1]


def test_no_code_of_an_sdist_runs_and_its_digest_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    files = {
        "setup.py": f"open({str(ran)!r}, 'w')".encode(),
        "releasenotes/notes/a.yaml": b"upgrade: [A]\n",
    }
    sdist = tmp_path / "openstack_heat-25.0.2.tar.gz"
    with tarfile.open(sdist, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"openstack_heat-25.0.2/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    page = tmp_path / "index.html"
    for name, value in {
        **_with_pip(),
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": page.as_uri(),
    }.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "fetched"

    digest = hashlib.sha256(sdist.read_bytes()).hexdigest()
    for given, version, words in (
        ("0" * 64, "25.0.2", "another digest than the index gives"),
        (digest, "25.0.1", "there is no sdist of openstack-heat for each of 25.0.1"),
    ):
        page.write_text(f'<a href="{sdist.name}#sha256={given}">{sdist.name}</a>', "utf-8")
        with pytest.raises(UsageError, match=words):
            release_note_fetching.fetch(folder, [version])
        assert not folder.exists()
    (fetched,) = release_note_fetching.fetch(folder, ["25.0.2"])
    assert fetched.read_bytes() == sdist.read_bytes()
    assert not ran.exists()
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "fetched",
        "index.html",
        sdist.name,
    ]


# --- release.path


@pytest.mark.parametrize(
    ("current", "target", "code", "said"),
    [
        (24, 25, 0, None),
        (25, 24, 2, "the target is older than the current release"),
        (24, 26, 1, "skips a series; Heat's guide supports one series at a time"),
    ],
)
def test_the_path_between_real_installations(
    tmp_path: Path, current: int, target: int, code: int, said: str | None
) -> None:
    plan = _plan(
        tmp_path,
        24,
        25,
        current={"python": str(venvs.interpreter(current))},
        target={"python": str(venvs.interpreter(target))},
        allow_skip_level=True,
    )
    outcome = _judge(plan, "release.path")
    assert outcome.code == code, outcome.out
    summaries = [each["summary"] for each in outcome.check("release.path")["findings"]]
    assert summaries == ([said] if said else [])
