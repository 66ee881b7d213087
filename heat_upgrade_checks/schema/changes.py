"""What a migration did to a schema, told from its tables before and after."""

from collections.abc import Iterable, Iterator

from heat_upgrade_checks.schema.description import Column, Table


def changes(before: Iterable[Table], after: Iterable[Table]) -> Iterator[str]:
    """Each table and column that came, went or changed: "column snapshot.action added".

    Of columns their type and whether they take NULL count; keys are left to the comparison with a
    release's models.
    """
    was = {table.name: table for table in before}
    is_now = {table.name: table for table in after}
    for name in sorted(was.keys() - is_now.keys()):
        yield f"table {name} removed"
    for name in sorted(is_now.keys() - was.keys()):
        yield f"table {name} added"
    for name in sorted(was.keys() & is_now.keys()):
        yield from _columns(was[name], is_now[name])


def _columns(was: Table, is_now: Table) -> Iterator[str]:
    old = {column.name: column for column in was.columns}
    new = {column.name: column for column in is_now.columns}
    for name in sorted(old.keys() - new.keys()):
        yield f"column {was.name}.{name} removed"
    for name, column in new.items():
        if name not in old:
            yield f"column {was.name}.{name} added"
        elif _spelled(old[name]) != _spelled(column):
            change = f"from {_spelled(old[name])} to {_spelled(column)}"
            yield f"column {was.name}.{name} changed {change}"


def _spelled(column: Column) -> str:
    return column.type if column.nullable else f"{column.type} NOT NULL"
