"""A migrated database that releases work on, and what became of their work."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from heat_upgrade_checks.records.rehearsal import Exercise
from heat_upgrade_checks.rehearsal.exercise import exercise
from tests.lab.venvs import interpreter
from tests.services.heat_databases import HeatDatabase


@contextmanager
def connected(heat: HeatDatabase) -> Iterator[sa.Connection]:
    """A transaction on Heat's database."""
    engine = sa.create_engine(heat.url.replace("psycopg2", "psycopg"))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def execute(heat: HeatDatabase, *statements: str) -> None:
    """Run statements, committed together."""
    with connected(heat) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def worked(heat: HeatDatabase) -> Exercise:
    """26 and 27, whose models are the same, on a database."""
    return exercise(interpreter(26), interpreter(27), heat.url)
