"""Rows of templates against what their server takes in one statement."""

import json

import pytest
import sqlalchemy as sa

from heat_upgrade_checks.errors import NotConfigured
from heat_upgrade_checks.evidence.database import packet_limit
from heat_upgrade_checks.evidence.database import state as database
from heat_upgrade_checks.gates.judgement import Judgement
from tests.judging import check_at, judge
from tests.services.heat_databases import HeatDatabase, Make
from tests.services.mariadb import MariaDB

MIB = 2**20


def _judged(heat: HeatDatabase) -> Judgement:
    site = heat.site()
    return judge(
        check_at("schema.max-packet", "pre"),
        "pre",
        database=database.observe(site),
        packet_limit=packet_limit.observe(site),
    )


def test_rows_that_the_server_would_not_take_again(mariadb: MariaDB, on_mariadb: Make) -> None:
    heat = on_mariadb()
    heat.db_sync(25)
    heat.fill()
    files = {"large": "x" * 3 * MIB, "small": "x" * (MIB - 1000)}
    with heat._adding() as add:
        for id, (name, text) in enumerate(files.items(), 5001):
            add("raw_template_files", id=id, files=json.dumps({"f": text}))
            add("raw_template", id=id, template="{}", files_id=id)
            add("stack", id=name, name=name, raw_template_id=id, tenant="p", action="CREATE",
                status="COMPLETE", disable_rollback=True, convergence=True)  # fmt: skip
    assert _judged(heat).findings == []
    ((before,),) = mariadb.execute("SELECT @@global.max_allowed_packet")
    mariadb.execute(f"SET GLOBAL max_allowed_packet = {2 * MIB}")
    try:
        (finding,) = _judged(heat).findings
        assert finding.level == "warning"
        assert finding.summary.startswith(
            "is 2.0 MiB; 1 row in use would not be taken again: row 5001 of raw_template_files, "
            "stack large (large), 3.0 MiB. An"
        )
        # As the server sees it.
        again = "UPDATE raw_template_files SET files = '{}' WHERE id = 5001"
        with pytest.raises(sa.exc.OperationalError):
            heat.execute(again.format(json.dumps({"f": files["large"]})))
        ((*_, statement),) = finding.commands
        mariadb.execute(statement)
        assert _judged(heat).findings == []
        heat.execute(again.format(json.dumps({"f": files["large"]})))
    finally:
        mariadb.execute(f"SET GLOBAL max_allowed_packet = {before}")


@pytest.mark.parametrize("server", ["on_postgresql", "on_sqlite"])
def test_servers_that_have_no_such_limit(request: pytest.FixtureRequest, server: str) -> None:
    heat: HeatDatabase = request.getfixturevalue(server)()
    heat.db_sync(25)
    with pytest.raises(NotConfigured, match="limits no statement's size"):
        _judged(heat)
