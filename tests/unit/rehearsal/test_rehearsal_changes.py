"""What a migration did to a schema is told in phrases."""

import pytest
import sqlalchemy as sa

from heat_upgrade_checks.rehearsal.changes import changes

_BEFORE = (
    "CREATE TABLE gone (id INTEGER PRIMARY KEY)",
    "CREATE TABLE stack (id VARCHAR(36) PRIMARY KEY, old TEXT, size INTEGER)",
)


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        ((), []),
        (("DROP TABLE gone",), ["table gone removed"]),
        (
            ("CREATE TABLE new (stack VARCHAR(36) REFERENCES stack (id))",),
            ["table new added"],
        ),
        (("ALTER TABLE stack ADD COLUMN new TEXT",), ["column stack.new added"]),
        (("ALTER TABLE stack DROP COLUMN old",), ["column stack.old removed"]),
        (("CREATE INDEX by_size ON stack (size)",), ["index by_size of table stack added"]),
        (
            (
                "DROP TABLE stack",
                "CREATE TABLE stack (id VARCHAR(36) PRIMARY KEY, old TEXT, size BIGINT NOT NULL)",
            ),
            [
                "column stack.size changed: type INTEGER() became BIGINT()",
                "column stack.size changed: nullable True became False",
            ],
        ),
    ],
)
def test_what_came_went_and_changed(statements: tuple[str, ...], told: list[str]) -> None:
    engine = sa.create_engine("sqlite://")
    before = sa.MetaData()
    with engine.connect() as connection:
        for statement in _BEFORE:
            connection.exec_driver_sql(statement)
        before.reflect(connection)
        for statement in statements:
            connection.exec_driver_sql(statement)
        assert list(changes(before, connection)) == told
    engine.dispose()
