"""Sites that lend a database for a rehearsal, and what is said of them."""

import os
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.evidence.backup import newest as backups
from heat_upgrade_checks.evidence.backup.newest import Backup
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.rehearsal import live_server
from heat_upgrade_checks.rehearsal.scratch import Scratch, scratch
from tests.services.heat_databases import PASSWORD, HeatDatabase

CANARY = "canary-of-the-scratch-9a3e"


def a_backup(tmp_path: Path) -> Backup:
    """The smallest dump that is whole."""
    path = tmp_path / "small.sql"
    path.write_text("-- MariaDB dump 10\n-- Dump completed\n", encoding="utf-8")
    found = backups.read(str(path), "heat").newest
    assert found is not None
    return found


def lending(database: HeatDatabase, url: str, password: str = CANARY) -> Site:
    """The site, with a database lent for the rehearsal."""
    os.environ["SCRATCH_PASSWORD"] = password
    plan = database.site().plan.model_dump(mode="json", exclude_none=True)
    plan["rehearsal"] = {"url": url, "password_env": "SCRATCH_PASSWORD"}
    return Site(Plan.model_validate(plan), database.folder)


def refusal(site: Site, live: live_server.LiveServer, backup: Backup) -> str:
    """Why no scratch database is made."""
    with pytest.raises(UsageError) as refused, scratch(site, live, backup):
        pass
    assert CANARY not in str(refused.value)
    assert PASSWORD not in str(refused.value)
    return str(refused.value)


def execute(place: Scratch, *statements: str) -> list[Any]:
    """Run statements in the scratch database; the rows of the last one."""
    engine = sa.create_engine(place.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            result = connection.exec_driver_sql(statement)
        return list(result) if result.returns_rows else []
