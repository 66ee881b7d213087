"""The database evidence on a million stacks, against bare scans by MariaDB's own client."""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from heat_upgrade_checks.evidence.database import state as database
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.evidence.stacks import leftovers
from tests.services.heat_databases import PASSWORD, HeatDatabase
from tests.services.mariadb import MariaDB
from tests.services.processes import interrupted_by_sigterm

STACKS = 1_000_000
RESOURCES_PER_STACK = 5
IN_FLIGHT = 100
PROJECTS = 1_000
ENGINES = 4
# One stack in so many has failed; an engine may go on with a resource of any of them.
FAILED = 100
ROUNDS = 7
NAME, USER = "heat", "heat"

# What phase pre reads of the database, and what last-engine reads between its looks at the queues.
OF_PRE: Sequence[Callable[[Site], object]] = (database.observe, leftovers.observe)
OF_LAST_ENGINE: Sequence[Callable[[Site], object]] = (database.observe,)

_STACK_SCAN = "SELECT COUNT(*) FROM stack WHERE status='IN_PROGRESS'"
_RESOURCE_SCAN = "SELECT COUNT(*) FROM resource WHERE status='IN_PROGRESS' OR engine_id IS NOT NULL"

_SERVERS = {
    f"server-{number}": {
        "type": "OS::Nova::Server",
        "properties": {
            "image": "debian-12",
            "flavor": "m1.small",
            "user_data": "#cloud-config" * 80,
        },
    }
    for number in range(RESOURCES_PER_STACK)
}
_TEMPLATE = json.dumps({"heat_template_version": "2021-04-16", "resources": _SERVERS})

# The pool holds both tables: the cache is warm whatever the machine's own cache does.
_SERVER = (
    "--innodb-buffer-pool-size=4G",
    "--innodb-log-file-size=1G",
    "--innodb-doublewrite=OFF",
)

# The whole tool in a process of its own, which tells at its end how large it was.
_TOOL = """\
import atexit, pathlib, sys
atexit.register(lambda: sys.stderr.write(pathlib.Path("/proc/self/status").read_text()))
from heat_upgrade_checks.cli import run
run()
"""
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def main() -> int:
    """Print both ratios and the tool's peak memory."""
    with (
        interrupted_by_sigterm(),
        tempfile.TemporaryDirectory() as name,
        MariaDB(Path(name) / "server", *_SERVER) as server,
    ):
        folder = Path(name)
        server.add_database(NAME, USER, PASSWORD)
        heat = HeatDatabase(server.url(NAME, USER, PASSWORD), folder)
        heat.db_sync(26)
        begun = time.perf_counter()
        seed(server)
        _say(f"{_sizes(server)}; seeded in {time.perf_counter() - begun:.0f} s")
        site = heat.site()
        _is_read_whole(site)
        started, stack_scan, both_scans, last_engine, pre = _medians(
            lambda: _client(server, "SELECT 1"),
            lambda: _client(server, _STACK_SCAN),
            lambda: _client(server, f"{_STACK_SCAN}; {_RESOURCE_SCAN}"),
            lambda: _observe(OF_LAST_ENGINE, site),
            lambda: _observe(OF_PRE, site),
        )
        _say(f"client: start-up alone {started:.3f} s, which is part of its times below")
        _say(
            f"last-engine: scan of stack {stack_scan:.3f} s, observed {last_engine:.3f} s, "
            f"ratio {last_engine / stack_scan:.2f}"
        )
        _say(
            f"pre: scans of stack and resource {both_scans:.3f} s, observed {pre:.3f} s, "
            f"ratio {pre / both_scans:.2f}"
        )
        begun = time.perf_counter()
        peak = _peak_of_the_tool(site, folder)
        _say(f"whole tool: {peak:.0f} MB at its peak, {time.perf_counter() - begun:.2f} s")
    return 0


def seed(server: MariaDB) -> None:
    """Fill Heat's tables within the server."""
    at_work = f"n % {STACKS // IN_FLIGHT} = 0"
    # One stack in five is nested in the last one whose number ends in 0.
    nested = "n > 10 AND n % 10 > 7"
    root = f"IF({nested}, n - n % 10, n)"
    project = f"MD5((n DIV 10 + n DIV {10 * PROJECTS}) % {PROJECTS})"
    failed = f"n % {FAILED} = 7"
    status = f"IF({at_work}, 'IN_PROGRESS', IF({failed}, 'FAILED', 'COMPLETE'))"
    created = f"UTC_TIMESTAMP() - INTERVAL IF({at_work}, 1, 60 + n) MINUTE"
    traversal = _uuid("traversal", "n")
    # Stacks at rest share the first template; those at work are read with their own.
    template = f"IF({at_work}, n DIV {STACKS // IN_FLIGHT} + 1, 1)"
    _insert(
        server,
        "raw_template",
        f"seq_1_to_{IN_FLIGHT + 1}",
        id="seq",
        template=f"'{_TEMPLATE}'",
        environment="'{}'",
    )
    _insert(
        server,
        "stack",
        f"(SELECT seq AS n FROM seq_1_to_{STACKS}) AS numbers",
        id=_uuid("stack", "n"),
        created_at=created,
        name=f"CONCAT('web-frontend-', {root}, IF({nested}, CONCAT('-group-', n), ''))",
        raw_template_id=template,
        username="CONCAT('operator-', n % 5000)",
        owner_id=f"IF({nested}, {_uuid('stack', root)}, NULL)",
        action="'CREATE'",
        status=status,
        status_reason=f"IF({at_work}, 'Stack CREATE started', "
        "'Stack CREATE completed successfully')",
        timeout="60",
        tenant=project,
        disable_rollback="1",
        stack_user_project_id="MD5(CONCAT('users', n))",
        backup="0",
        nested_depth=f"IF({nested}, 1, 0)",
        convergence="1",
        current_traversal=traversal,
        current_deps="CONCAT('{\"edges\": [[[', n, ', true], [', n + 1, ', true]], [[', n + 1, "
        "', true], [', n + 2, ', true]]]}')",
        parent_resource_name=f"IF({nested}, 'group', NULL)",
    )
    held = f"{at_work} AND k = 0"
    engine = _uuid("engine", f"n DIV {STACKS // IN_FLIGHT} % {ENGINES} + 1")
    _insert(
        server,
        "resource",
        f"(SELECT seq, (seq - 1) DIV {RESOURCES_PER_STACK} + 1 AS n, "
        f"(seq - 1) % {RESOURCES_PER_STACK} AS k "
        f"FROM seq_1_to_{STACKS * RESOURCES_PER_STACK}) AS numbers",
        id="seq",
        uuid=_uuid("resource", "seq"),
        nova_instance=_uuid("physical", "seq"),
        name="CONCAT('server-', k)",
        created_at=created,
        action="'CREATE'",
        status=f"IF({held}, 'IN_PROGRESS', 'COMPLETE')",
        status_reason=f"IF({held}, '', 'state changed')",
        stack_id=_uuid("stack", "n"),
        rsrc_metadata="'{}'",
        engine_id=f"IF({held}, {engine}, NULL)",
        atomic_key=f"IF({held}, 1, 2)",
        needed_by="CONCAT('[', seq + 1, ']')",
        requires="CONCAT('[', seq - 1, ']')",
        current_template_id=template,
        properties_data_encrypted="0",
        root_stack_id=_uuid("stack", root),
    )
    in_flight = (
        f"(SELECT seq * {STACKS // IN_FLIGHT} AS n, k FROM seq_1_to_{IN_FLIGHT} "
        f"JOIN (SELECT seq - 1 AS k FROM seq_1_to_{RESOURCES_PER_STACK}) AS each_resource) AS work"
    )
    _insert(
        server,
        "event",
        in_flight,
        uuid=_uuid("event", f"n * {RESOURCES_PER_STACK} + k"),
        stack_id=_uuid("stack", "n"),
        created_at="UTC_TIMESTAMP() - INTERVAL k SECOND",
        resource_action="'CREATE'",
        resource_status="'IN_PROGRESS'",
        resource_name="CONCAT('server-', k)",
        resource_status_reason="'state changed'",
        resource_type="'OS::Nova::Server'",
    )
    _insert(
        server,
        "sync_point",
        in_flight,
        entity_id=f"n * {RESOURCES_PER_STACK} + k",
        traversal_id=traversal,
        is_update="1",
        atomic_key="0",
        stack_id=_uuid("stack", "n"),
        input_data="'{}'",
        created_at="UTC_TIMESTAMP() - INTERVAL 1 MINUTE",
        updated_at="UTC_TIMESTAMP()",
    )
    # Without this the server would plan its first statements by the empty tables.
    server.execute("ANALYZE TABLE stack, resource, event, sync_point", database=NAME)
    _insert(
        server,
        "service",
        f"seq_1_to_{ENGINES}",
        id=_uuid("service", "seq"),
        engine_id=_uuid("engine", "seq"),
        host="CONCAT('control', seq)",
        hostname="CONCAT('control', seq)",
        **{"`binary`": "'heat-engine'"},
        topic="'engine'",
        report_interval="60",
        created_at="UTC_TIMESTAMP() - INTERVAL 1 DAY",
        updated_at="UTC_TIMESTAMP()",
    )


def _insert(server: MariaDB, table: str, rows: str, **columns: str) -> None:
    # With both checks off InnoDB sorts the rows and builds the indexes of an empty table at once.
    server.execute(
        "SET STATEMENT unique_checks=0, foreign_key_checks=0 FOR "
        f"INSERT INTO {table} ({', '.join(columns)}) "
        f"SELECT {', '.join(columns.values())} FROM {rows}",
        database=NAME,
    )


def _uuid(kind: str, number: str) -> str:
    value = f"MD5(CONCAT('{kind}', {number}))"
    for position in (9, 14, 19, 24):
        value = f"INSERT({value}, {position}, 0, '-')"
    return value


def _sizes(server: MariaDB) -> str:
    size = (
        "SELECT (data_length + index_length) / 1e6 FROM information_schema.tables "
        "WHERE table_schema=%s AND table_name=%s"
    )
    stack, resource = (
        float(server.execute(size, (NAME, table))[0][0]) for table in ("stack", "resource")
    )
    return (
        f"{STACKS} stacks ({stack:.0f} MB), {STACKS * RESOURCES_PER_STACK} resources "
        f"({resource:.0f} MB), {IN_FLIGHT} stacks in flight"
    )


def _is_read_whole(site: Site) -> None:
    found = database.observe(site)
    held = sum(len(stack.resources) for stack in found.in_flight)
    counted = (len(found.in_flight), held, len(found.services))
    if counted != (IN_FLIGHT, IN_FLIGHT, ENGINES):
        raise SystemExit(f"the database was not read as it was filled: {counted}")


def _client(server: MariaDB, statements: str) -> None:
    subprocess.run(
        (
            "mariadb",
            "--no-defaults",
            "--host=127.0.0.1",
            f"--port={server.port}",
            f"--user={USER}",
            f"--password={PASSWORD}",
            f"--execute={statements}",
            NAME,
        ),
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _observe(sources: Sequence[Callable[[Site], object]], site: Site) -> None:
    """All at once, as a gate asks its sources."""
    with ThreadPoolExecutor(len(sources)) as pool:
        list(pool.map(lambda observe: observe(site), sources))


def _peak_of_the_tool(site: Site, folder: Path) -> float:
    plan = folder / "plan.yaml"
    plan.write_text(site.plan.model_dump_json(), encoding="utf-8")
    arguments = ("--phase=post", f"--plan={plan}", f"--reports={folder / 'reports'}")
    command = (sys.executable, "-c", _TOOL, *arguments, "--only=services.residue")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    peak = _PEAK.search(done.stderr)
    # The engines' rows may have grown old meanwhile, which is a warning.
    if done.returncode not in {0, 1} or peak is None:
        raise SystemExit(f"the tool ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return int(peak[1]) / 1000


def _medians(*actions: Callable[[], object]) -> list[float]:
    """Of each action's times; all take turns, after one turn that does not count."""
    took: list[list[float]] = [[] for _ in actions]
    for _ in range(ROUNDS + 1):
        for action, times in zip(actions, took, strict=True):
            begun = time.perf_counter()
            action()
            times.append(time.perf_counter() - begun)
    return [statistics.median(times[1:]) for times in took]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
