"""What Galera makes of schema changes and of large transactions."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from heat_upgrade_checks.evidence.database import table_sizes
from tests.judging import file
from tests.services import processes
from tests.services.heat_databases import PASSWORD, HeatDatabase, Make
from tests.services.mariadb import MariaDB
from tests.services.schema.costs import execute, fill_snapshots, judged, site_of

PROVIDER = Path("/usr/lib/galera/libgalera_smm.so")


@pytest.fixture(scope="module")
def galera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    """A cluster of one node, which has all limits of a larger one."""
    port = processes.free_port()
    options = (
        f"base_port={port};gmcast.listen_addr=tcp://127.0.0.1:{port};gcache.size=8M;"
        f"ist.recv_addr=127.0.0.1:{processes.free_port()}"
    )
    with MariaDB(
        tmp_path_factory.mktemp("galera"),
        "--wsrep-on=ON",
        f"--wsrep-provider={PROVIDER}",
        "--wsrep-cluster-address=gcomm://",
        "--wsrep-node-address=127.0.0.1",
        f"--wsrep-provider-options={options}",
        "--binlog-format=ROW",
        "--innodb-autoinc-lock-mode=2",
    ) as server:
        yield server


@pytest.fixture
def on_galera(galera: MariaDB, tmp_path: Path) -> HeatDatabase:
    """An empty database of its own on the cluster."""
    name = f"heat_{uuid4().hex[:12]}"
    galera.add_database(name, name, PASSWORD)
    return HeatDatabase(galera.url(name, name, PASSWORD), tmp_path)


needs_galera = pytest.mark.skipif(not PROVIDER.exists(), reason="package galera-4 is missing")


@needs_galera
@pytest.mark.parametrize(
    ("limit", "says"), [("wsrep_max_ws_rows = 9", "rows"), ("wsrep_max_ws_size = 300000", "size")]
)
def test_a_transaction_that_galera_refuses(
    galera: MariaDB, on_galera: HeatDatabase, limit: str, says: str
) -> None:
    heat = on_galera
    fill_snapshots(heat, 10)
    assert {str(each.level) for each in judged(heat).findings} == {"note"}
    galera.execute(f"SET GLOBAL {limit}")
    try:
        (blocked,) = [each for each in judged(heat).findings if each.level == "blocker"]
        assert f"wsrep_max_ws_{says}" in blocked.summary
        with pytest.raises(processes.ServerError, match=r"(?i)exceeded"):
            heat.db_sync(26)
    finally:
        galera.execute("SET GLOBAL wsrep_max_ws_rows = 0")
        galera.execute("SET GLOBAL wsrep_max_ws_size = 2147483647")


@needs_galera
def test_how_galera_takes_schema_changes(
    galera: MariaDB, on_galera: HeatDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    heat = on_galera
    heat.db_sync(25)
    execute(heat, "ALTER TABLE sync_point ROW_FORMAT=COMPRESSED")
    monkeypatch.setattr(file("schema.change-cost"), "_LARGE", 1024)
    first = judged(heat).findings[0]
    assert str(first.level) == "warning"
    assert "the table is written anew, every write to the Galera cluster waits" in first.summary
    galera.execute("SET GLOBAL wsrep_OSU_method = 'RSU'")
    try:
        blocked = {each.object for each in judged(heat).findings if each.level == "blocker"}
    finally:
        galera.execute("SET GLOBAL wsrep_OSU_method = 'TOI'")
    assert blocked == {"wsrep_OSU_method"}


def test_a_server_that_is_not_a_cluster(on_mariadb: Make) -> None:
    heat = on_mariadb()
    execute(heat, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    sizes = table_sizes.observe(site_of(heat))
    assert sizes.server.galera is None
    (table,) = sizes.tables
    assert replace(table, rows=0) == table
    assert (table.engine, table.row_format, table.bytes) == ("InnoDB", "Dynamic", 16_384)
