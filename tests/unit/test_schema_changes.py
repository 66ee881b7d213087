"""What a migration did to a schema is told in phrases."""

from heat_upgrade_checks.schema.changes import changes
from heat_upgrade_checks.schema.description import Column, Table


def table(name: str, **columns: str) -> Table:
    return Table(
        name,
        tuple(
            Column(column, type_.removesuffix("!"), not type_.endswith("!"), False, False)
            for column, type_ in columns.items()
        ),
        keys=(),
        foreign_keys=(),
    )


def test_what_came_went_and_changed() -> None:
    before = [table("gone", id="INTEGER"), table("stack", id="CHAR", old="TEXT", size="INTEGER")]
    after = [table("stack", id="CHAR", size="BIGINT!", new="TEXT"), table("new", id="INTEGER")]
    assert list(changes(before, after)) == [
        "table gone removed",
        "table new added",
        "column stack.old removed",
        "column stack.size changed from INTEGER to BIGINT NOT NULL",
        "column stack.new added",
    ]


def test_nothing_is_told_of_a_schema_that_stayed() -> None:
    same = [table("stack", id="CHAR")]
    assert list(changes(same, same)) == []
