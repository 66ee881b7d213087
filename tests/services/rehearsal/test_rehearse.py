"""`rehearse` on real servers and real releases, and what phase pre makes of it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.driver import COMMAND, Outcome, call
from tests.lab import venvs
from tests.services.heat_databases import PASSWORD, HeatDatabase, Make
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.services.processes import started_in
from tests.services.rehearsal.scratches import CANARY
from tests.waiting import until

CHECKS = ("schema.rehearsed", "backup.restores")
OTHERS = [(19, 20), (20, 21), (21, 22), (22, 23), (23, 24), (24, 25), (26, 27)]


@dataclass
class Site:
    """A database that is about to be upgraded, its backup, and the operator's plan."""

    heat: HeatDatabase
    folder: Path
    plan: dict[str, Any]
    within: Path

    @classmethod
    def of(cls, heat: HeatDatabase, current: int, target: int, backup: str, **more: Any) -> "Site":
        conf = [str(heat.configuration())]
        plan = {
            "name": "rehearsal",
            "mode": "rolling",
            "current": {"python": str(venvs.interpreter(current)), "config": conf},
            "target": {"python": str(venvs.interpreter(target)), "config": conf},
            "backup": {"path": str(heat.folder / backup)},
        }
        return cls(heat, heat.folder, {**plan, **more}, heat.folder)

    def call(self, *arguments: str, **changes: Any) -> Outcome:
        path = self.folder / "heat-upgrade.yaml"
        path.write_text(yaml.safe_dump({**self.plan, **changes}), "utf-8")
        return call(
            *arguments,
            "--reports",
            self.folder / "reports",
            cwd=self.folder,
            environment={"TMPDIR": str(self.within)},
        )

    def rehearse(self, **changes: Any) -> Outcome:
        outcome = self.call("rehearse", **changes)
        assert "Traceback" not in outcome.out + outcome.err, outcome.err
        assert PASSWORD not in outcome.out + outcome.err + self.recorded
        assert not list(self.folder.glob("heat-rehearsal-*"))
        return outcome

    def judge(self, **changes: Any) -> Outcome:
        wanted = [word for id in CHECKS for word in ("--only", id)]
        return self.call("--phase", "pre", *wanted, **changes)

    @property
    def database(self) -> str:
        return self.heat.url.partition("?")[0].rpartition("/")[2]

    @property
    def recorded(self) -> str:
        path = self.folder / "reports" / "rehearsal" / "rehearsal.json"
        return path.read_text("utf-8") if path.exists() else "{}"

    @property
    def record(self) -> dict[str, Any]:
        return dict(json.loads(self.recorded))


def findings(outcome: Outcome, id: str, level: str = "") -> list[str]:
    return [
        f"{each['object']}: {each['summary']}"
        for each in outcome.check(id)["findings"]
        if level in {"", each["level"]}
    ]


@pytest.fixture
def on(on_mariadb: Make, mariadb: MariaDB) -> Callable[..., Site]:
    """Makes the site of a database with stacks on MariaDB, backed up."""

    def make(current: int, target: int, charset: str | None = None, **more: Any) -> Site:
        heat = on_mariadb(charset)
        heat.db_sync(current)
        heat.fill()
        heat.leave_behind()
        site = Site.of(heat, current, target, "heat.sql", **more)
        mariadb.dump(site.database, heat.folder / "heat.sql")
        return site

    return make


@pytest.mark.parametrize(
    ("current", "target"),
    [pytest.param(*pair, marks=pytest.mark.nightly) for pair in OTHERS[1:6]]
    + [pytest.param(*pair) for pair in (OTHERS[0], OTHERS[6])],
)
def test_a_pair_of_releases_that_work_on_one_schema(
    current: int, target: int, on: Callable[..., Site]
) -> None:
    site = on(current, target)
    outcome = site.rehearse()
    assert outcome.code == 0, outcome.out
    assert site.record["exercise"]["failures"] == []
    assert set(site.record["exercise"]["tables"]) == {"current", "target"}
    assert site.record["restored"]["rows"]["stack"] >= 7
    gate = site.judge()
    assert gate.code == 0, gate.out
    assert gate.outcomes("passed") == set(CHECKS)


def test_25_cannot_delete_what_26_took(on: Callable[..., Site], mariadb: MariaDB) -> None:
    site = on(25, 26)
    before = site.judge()
    assert before.outcomes("warned") == set(CHECKS)
    assert findings(before, "backup.restores") == [f"{site.folder}/heat.sql: was never restored"]
    required = site.judge(require=list(CHECKS))
    assert required.outcomes("error") == set(CHECKS)

    with mariadb.verbs() as verbs:
        outcome = site.rehearse()
    assert "SELECT" in verbs
    assert verbs <= {"SELECT", "SHOW", "SET", "COMMIT", "ROLLBACK"}

    assert outcome.code == 1, outcome.out
    record = site.record
    names = [each["revision"] for each in record["migrated"]["revisions"]]
    assert names == ["d2db381e3324", "88be64598c0f", "97b2a986f922"]
    assert all(each["seconds"] >= 0 for each in record["migrated"]["revisions"])
    assert set(record["changes"]) == {
        "table resource_snapshot added",
        "index ix_resource_snapshot_snapshot_id of table resource_snapshot added",
        "column snapshot.action added",
        "column sync_point.extra_data added",
    }
    gate = site.judge()
    assert gate.code == 1
    assert gate.outcomes("passed") == {"backup.restores"}
    assert findings(gate, "schema.rehearsed", "warning")
    assert all(
        "resource_snapshot" in each for each in findings(gate, "schema.rehearsed", "warning")
    )

    assert site.judge(mode="cold").outcomes("passed") == set(CHECKS)

    mariadb.dump(site.database, site.folder / "heat.sql")
    later = site.judge()
    assert later.outcomes("warned") == set(CHECKS)
    assert "is not what was restored last" in findings(later, "backup.restores")[0]
    assert "not the newest backup" in findings(later, "schema.rehearsed")[0]


def test_a_database_of_another_charset_shows_nothing(
    on: Callable[..., Site], mariadb: MariaDB, lent_maria: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lent = lent_maria.rpartition("/")[2]
    mariadb.execute(f"ALTER DATABASE `{lent}` CHARACTER SET utf8mb4")
    monkeypatch.setenv("SCRATCH_PASSWORD", CANARY)
    site = on(24, 25, rehearsal={"url": lent_maria, "password_env": "SCRATCH_PASSWORD"})
    outcome = site.rehearse()
    assert outcome.code == 0, outcome.out
    gate = site.judge()
    assert gate.outcomes("passed") == {"backup.restores"}
    (said,) = findings(gate, "schema.rehearsed", "warning")
    assert "was rehearsed on another kind of database: the database's charset is utf8mb4" in said
    assert site.judge(require=["schema.rehearsed"]).outcomes("error") == {"schema.rehearsed"}


def test_the_charset_trap(on: Callable[..., Site], mariadb: MariaDB) -> None:
    site = on(25, 26, "utf8mb3")
    mariadb.execute(f"ALTER DATABASE `{site.database}` CHARACTER SET utf8mb4")
    mariadb.dump(site.database, site.folder / "heat.sql")
    outcome = site.rehearse()
    assert outcome.code == 2, outcome.out
    assert site.record["failure"]["step"] == "migrate"
    trapped = site.call("--phase", "pre", "--only", "schema")
    (said,) = findings(trapped, "schema.rehearsed", "blocker")
    assert "in revision 88be64598c0f: error 1005: Can't create table" in said
    assert "errno: 150" in said
    (charset,) = trapped.check("schema.charset")["findings"]
    assert charset["level"] == "blocker"

    ((_, _, remedy),) = charset["commands"]
    mariadb.execute(remedy)
    mariadb.dump(site.database, site.folder / "heat.sql")
    assert site.rehearse().code == 1
    gate = site.call("--phase", "pre", "--only", "schema")
    assert gate.check("schema.charset")["outcome"] == "passed"
    assert not findings(gate, "schema.rehearsed", "blocker")
    site.heat.db_sync(26)


def test_a_backup_that_does_not_go_back(on: Callable[..., Site]) -> None:
    site = on(25, 26)
    dump = site.folder / "heat.sql"
    text = dump.read_text("utf-8")
    broken = text.replace(
        "CREATE TABLE `stack` (", "CREATE TABLE `stack` (\n `canary-row` oops,", 1
    )
    assert broken != text
    dump.write_text(broken, "utf-8")
    assert site.rehearse().code == 2
    gate = site.judge()
    (said,) = findings(gate, "backup.restores", "blocker")
    assert "stopped at line " in said
    assert "of heat.sql with error 4161" in said
    assert "canary-row" not in gate.written + site.recorded
    assert gate.outcomes("failed") == set(CHECKS)


def test_in_a_cold_upgrade_only_the_target_works_on_the_new_schema(
    on: Callable[..., Site],
) -> None:
    site = on(25, 26, mode="cold")
    assert site.rehearse().code == 0
    assert set(site.record["exercise"]["tables"]) == {"target"}
    assert site.judge(window="10m").code == 0
    short = site.judge(window="1s")
    (said,) = findings(short, "schema.rehearsed", "blocker")
    assert said.startswith("window: is 1.0 s; db_sync took ")
    rolling = site.judge(mode="rolling")
    assert findings(rolling, "schema.rehearsed", "warning") == [
        f"database {site.database}: was rehearsed without the current release"
    ]
    # This dump needs another server: that is none of its faults, and the good record stays.
    good, dump = site.recorded, site.folder / "heat.sql"
    dump.write_text(dump.read_text("utf-8").replace("COLLATE=", "COLLATE=unheard_of_", 1), "utf-8")
    outcome = site.rehearse()
    assert outcome.code == 3
    assert "a collation is unknown; this server is older or of another kind" in outcome.out
    assert site.recorded == good


def test_postgresql_from_pg_dump_to_both_releases_writes(
    on_postgresql: Make, postgresql: PostgreSQL
) -> None:
    heat = on_postgresql()
    heat.db_sync(25)
    heat.fill()
    heat.leave_behind()
    site = Site.of(heat, 25, 26, "heat.dump")
    # Run by root the server belongs to another account, which cannot enter the tests' folders.
    site.within = Path(tempfile.gettempdir())
    name = heat.url.rpartition("/")[2]
    postgresql.execute(
        "SELECT setval(pg_get_serial_sequence('raw_template', 'id'), 1)", database=name
    )
    postgresql.dump(name, heat.folder / "heat.dump", "--format=custom")
    outcome = site.rehearse()
    assert outcome.code == 1, outcome.out
    assert {(f["table"], f["refused_by"]) for f in site.record["exercise"]["failures"]} == {
        ("snapshot", "resource_snapshot")
    }
    gate = site.judge()
    assert gate.code == 1, gate.out
    assert gate.outcomes("passed") == {"backup.restores"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target": {"version": "26.0.2"}}, "add target.python to the plan"),
        ({"current": {"version": "25.0.2"}}, "add current.python to the plan"),
        ({"backup": {"path": "/nowhere/*.sql"}}, "no file matches /nowhere/*.sql"),
        (
            {"target": {"version": "26.0.2", "prefix": ["podman", "exec", "heat"]}},
            "cannot be reached through a prefix",
        ),
    ],
)
def test_what_a_rehearsal_needs(
    changes: dict[str, Any], said: str, on: Callable[..., Site]
) -> None:
    site = on(25, 26)
    changes = {
        k: {**v, "config": site.plan[k]["config"]} if "version" in v else v
        for k, v in changes.items()
    }
    outcome = site.rehearse(**changes)
    assert outcome.code == 64
    assert said in outcome.err
    assert site.recorded == "{}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_an_interrupted_rehearsal(
    number: signal.Signals, on: Callable[..., Site]
) -> None:
    site = on(25, 26)
    path = site.folder / "heat-upgrade.yaml"
    path.write_text(yaml.safe_dump(site.plan), "utf-8")
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "rehearse", "--reports", str(site.folder / "reports")],
        cwd=site.folder,
        env={**os.environ, "TMPDIR": str(site.folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # A parent that ignores it, as a worker of pytest-xdist does, hands that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    while "restored" not in process.stdout.readline():
        assert process.poll() is None
    (folder,) = site.folder.glob("heat-rehearsal-*")
    process.send_signal(number)
    process.communicate(timeout=120)
    assert process.returncode == (3 if number == signal.SIGINT else -number)
    until(lambda: not (folder.exists() or started_in(folder)), f"{folder} and its programs gone")
    assert site.recorded == "{}"
