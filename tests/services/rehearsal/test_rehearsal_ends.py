"""Nothing is left of a scratch database, however the tool ends."""

import json
import os
import pwd
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from heat_upgrade_checks.evidence.site import Site
from tests.services import processes
from tests.services.heat_databases import PASSWORD, HeatDatabase
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.services.rehearsal.scratches import CANARY, lending
from tests.waiting import until

_TOOL = """
import json, os, subprocess, sys, time
from pathlib import Path
from heat_upgrade_checks.evidence.backup import newest as backups
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.plan import load
from heat_upgrade_checks.rehearsal import live_server
from heat_upgrade_checks.rehearsal.restore import restore
from heat_upgrade_checks.rehearsal.scratch import scratch
plan, _ = load(Path(sys.argv[1]))
site = Site(plan, Path(sys.argv[1]).parent)
live = live_server.observe(site)
quiet = subprocess.DEVNULL
newest = backups.read(sys.argv[2], live.database).newest
with scratch(site, live, newest) as place:
    restore(newest, live.database, place, lambda *_: None)
    other = subprocess.Popen(["sleep", "600"], close_fds=False, stdout=quiet, stderr=quiet)
    print(json.dumps({"folder": str(place.folder), "other": other.pid}), flush=True)
    if sys.argv[3] == "raise":
        raise RuntimeError("on purpose")
    if sys.argv[3] == "wait":
        time.sleep(600)
"""


def start_tool(
    site: Site, backup: Path, how: str, user: str | None = None
) -> "subprocess.Popen[bytes]":
    plan = site.upgrade_folder / "heat-upgrade.yaml"
    content = site.plan.model_dump(mode="json", exclude_none=True)
    plan.write_text(json.dumps(content), encoding="utf-8")
    account = pwd.getpwnam(user) if user else None
    return subprocess.Popen(
        [sys.executable, "-c", _TOOL, str(plan), str(backup), how],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        # A parent that ignores it, as a worker of pytest-xdist does, hands that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


_ENDS = {
    "end": None,
    "raise": None,
    "SIGKILL": signal.SIGKILL,
    "SIGTERM": signal.SIGTERM,
    "SIGINT": signal.SIGINT,
}


@pytest.mark.parametrize("how", _ENDS)
@pytest.mark.parametrize(
    "place", ["private maria", "private postgres", "lent maria", "lent postgres"]
)
def test_nothing_is_left_however_the_tool_ends(
    place: str,
    how: str,
    mariadb: MariaDB,
    postgresql: PostgreSQL,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    temporary: Path,
) -> None:
    kind = "postgresql" if "postgres" in place else "mariadb"
    server = postgresql if kind == "postgresql" else mariadb
    database: HeatDatabase = request.getfixturevalue(f"on_{kind}")()
    name = str(sa.make_url(database.url).database)
    server.execute("CREATE TABLE stack (id INT PRIMARY KEY)", database=name)
    server.execute("INSERT INTO stack VALUES (1)", database=name)
    backup = tmp_path / "heat.sql"
    server.dump(name, backup)
    site = database.site()
    lent = ""
    if place.startswith("lent"):
        lent = request.getfixturevalue(place.replace(" ", "_"))
        rehearsed = str(sa.make_url(lent).database)
        site = lending(database, lent)
    if place == "lent postgres":
        grant = "GRANT ALL ON SCHEMA public TO PUBLIC"
        server.execute(grant, database=rehearsed)
    number = _ENDS[how]
    tool = start_tool(site, backup, "wait" if number else how)
    assert tool.stdout is not None
    with tool.stdout:
        said = json.loads(tool.stdout.readline())
    try:
        assert Path(said["folder"]).parent == temporary
        if number:
            started = processes.started_in(temporary)
            assert bool(started) == (not lent)
            assert_no_canary([*started, *(set(children(tool.pid)) - {said["other"]})])
            tool.send_signal(number)
        tool.wait(120)
        until(
            lambda: not (list(temporary.iterdir()) or processes.started_in(temporary)),
            "the rehearsal's folders and programs gone",
        )
        if lent:
            tables = (
                "SELECT table_name FROM information_schema.tables WHERE table_name = 'stack' "
                f"AND '{rehearsed}' IN (table_schema, table_catalog)"
            )
            until(lambda: not server.execute(tables, database=rehearsed), f"{rehearsed} empty")
        assert processes.is_alive(said["other"])
    finally:
        os.kill(said["other"], signal.SIGKILL)
    assert server.execute("SELECT id FROM stack", database=name) == [(1,)]


def children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == parent:
                found.append(int(entry.name))
    return found


def assert_no_canary(pids: list[int]) -> None:
    """No process that the tool started shows a password by its title or its environment."""
    assert pids
    for pid in pids:
        for what in ("cmdline", "environ"):
            content = (Path("/proc") / str(pid) / what).read_bytes()
            assert PASSWORD.encode() not in content
            assert CANARY.encode() not in content
