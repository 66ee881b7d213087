"""What a migration is found to do from its source alone."""

import pytest

from heat_upgrade_checks.schema.source.revision_file import read
from tests.made_up_migration import HEAD, migration


def _kinds(body: str, before: str = "") -> list[str]:
    return [operation.kind for operation in migration(body, before).operations]


@pytest.mark.parametrize(
    ("body", "does"),
    [
        ("pass", []),
        ("op.add_column('stack', sa.Column('x', sa.String(5)))", ["adds column x"]),
        ("op.add_column('stack', sa.Column('x', types.Json, nullable=True))", ["adds column x"]),
        (
            "op.add_column('stack', sa.Column('x', sa.Boolean, nullable=False, "
            "server_default=sa.false()))",
            ["adds column x"],
        ),
        (
            "extra = sa.Column('x', sa.Integer())\nop.add_column('stack', extra)",
            ["adds column x"],
        ),
        (
            "op.create_table('t', sa.Column('id', sa.Integer, primary_key=True))",
            ["creates the table"],
        ),
        ("op.create_index(op.f('ix'), 'stack', ['name'], unique=False)", ["creates an index"]),
        ("op.alter_column('stack', 'name', nullable=True)", ["widens column name"]),
        (
            "op.alter_column('stack', 'name', existing_type=sa.String(255), type_=sa.String(300))",
            ["widens column name"],
        ),
        (
            "op.alter_column('stack', 'name', existing_type=sa.String(length=9), type_=sa.Text())",
            ["widens column name"],
        ),
        ("op.execute('SELECT 1 FROM stack')", ["reads rows"]),
        (
            "bind = op.get_bind()\nif not sa.inspect(bind).has_table('t'):\n"
            "    op.create_table('t', sa.Column('id', sa.Integer))",
            ["creates the table"],
        ),
        (
            "with op.batch_alter_table('stack') as batch:\n"
            "    batch.add_column(sa.Column('x', sa.Integer()))",
            ["adds column x"],
        ),
        (
            "bind = op.get_bind()\nt = sa.table('stack', sa.column('id'))\n"
            "for row in bind.execute(sa.select(t.c.id).where(t.c.id.is_(None))):\n    print(row)",
            ["reads rows"],
        ),
    ],
)
def test_what_only_adds(body: str, does: list[str]) -> None:
    found = migration(body).operations
    assert [each.does for each in found] == does
    assert {each.kind for each in found} <= {"expand"}


@pytest.mark.parametrize(
    ("body", "does"),
    [
        ("op.drop_column('stack', 'name')", "drops column name"),
        ("op.drop_column(table_name='stack', column_name='name')", "drops column name"),
        ("for t in ('stack',):\n    op.drop_column(t, 'x' + t)", "drops column that only"),
        ("op.drop_table('stack')", "drops the table"),
        ("from alembic.op import drop_table\ndrop_table('stack')", "drops the table"),
        ("op.rename_table('stack', 'stacks')", "renames the table"),
        (
            "op.alter_column('stack', 'name', new_column_name='title')",
            "renames column name to title",
        ),
        ("op.alter_column('stack', 'name', nullable=False)", "makes column name NOT NULL"),
        (
            "op.alter_column('stack', 'name', type_=sa.String(10))",
            "changes the type of column name",
        ),
        (
            "op.alter_column('stack', 'name', existing_type=sa.String(255), type_=sa.String(10))",
            "changes the type of column name to sa.String(10)",
        ),
        ("op.alter_column('stack', 'name', server_default=None)", "drops column name's default"),
        (
            "op.add_column('stack', sa.Column('x', sa.Integer, nullable=False))",
            "adds column x, NOT NULL without a server default",
        ),
        (
            "op.add_column('stack', "
            "sa.Column('x', sa.Integer, nullable=False, server_default=None))",
            "adds column x, NOT NULL without a server default",
        ),
        (
            "op.add_column('stack', sa.Column('x', sa.Integer, unique=True))",
            "adds column x, unique",
        ),
        ("op.create_index('ix', 'stack', ['name'], unique=True)", "creates a unique index on name"),
        ("op.drop_index('ix', 'stack')", "drops an index"),
        ("op.create_unique_constraint('u', 'stack', ['name'])", "adds a unique constraint on name"),
        ("op.create_check_constraint('c', 'stack', 'name > 1')", "adds a check constraint"),
        ("op.create_foreign_key('f', 'stack', 'snapshot', ['name'], ['id'])", "adds a foreign key"),
        ("op.drop_constraint('u', 'stack', type_='unique')", "drops a unique constraint"),
        (
            "with op.batch_alter_table('stack', recreate='always') as batch_op:\n"
            "    batch_op.drop_column('name')",
            "drops column name",
        ),
    ],
)
def test_what_takes_away(body: str, does: str) -> None:
    (found,) = migration(body).operations
    assert found.kind == "contract"
    assert found.does.startswith(does)
    assert found.breaks
    assert found.table in {"stack", ""}


@pytest.mark.parametrize(
    ("body", "table", "does"),
    [
        ("op.execute('UPDATE stack SET action = 1')", "stack", "updates rows"),
        ("op.execute(sa.text('DELETE FROM `stack` WHERE 1'))", "stack", "deletes rows"),
        ("op.get_bind().exec_driver_sql('INSERT INTO stack VALUES (1)')", "stack", "inserts rows"),
        (
            "t = sa.table('stack')\nop.execute(t.update().where(t.c.id == 1).values(name='x'))",
            "stack",
            "updates name",
        ),
        (
            "t = sa.Table('stack', sa.MetaData(), autoload_with=op.get_bind())\n"
            "op.get_bind().execute(sa.update(t).values({t.c.name: 'x'}))",
            "stack",
            "updates ?",
        ),
        ("t = sa.table('stack')\nop.get_bind().execute(t.delete())", "stack", "deletes rows"),
        ("t = sa.table('stack')\nt.delete().execute()", "stack", "deletes rows"),
        (
            "t = sa.table('stack')\nu = t.update()\nop.execute(u.values(name='x'))",
            "stack",
            "updates name",
        ),
        (
            "new = {'x': 1}\nnew['name'] = 2\nop.execute(sa.table('stack').update().values(new))",
            "stack",
            "updates ?",
        ),
        ("t = sa.table('stack')\nop.bulk_insert(t, [{'id': 1}])", "stack", "inserts rows"),
    ],
)
def test_what_writes_rows(body: str, table: str, does: str) -> None:
    (found,) = migration(body).operations
    assert (found.kind, found.table, found.does) == ("data", table, does)


@pytest.mark.parametrize(
    "body",
    [
        "op.execute('ALTER TABLE stack DROP COLUMN name')",
        "op.execute('UPDATE stack SET a = 1; DROP TABLE stack')",
        "op.execute(f'UPDATE {op} SET a = 1')",
        "op.execute(open('x.sql').read())",
        "op.execute(sa.schema.DropTable(sa.table('stack')))",
        "op.run_async(None)",
        "op.drop_constraint('x', 'stack')",
        "op.add_column('stack', *columns())",
        "op.add_column('stack', sa.Column('x', sa.Integer, nullable=bool(1)))",
        "op.add_column('stack', sa.Column('x', sa.Integer, **{'nullable': False}))",
        "op.create_index('ix', 'stack', ['name'], unique=len('') == 0)",
        "op.alter_column('stack', 'name', postgresql_using='1')",
        "op.create_table('t', *columns())",
        "getattr(op, 'drop_' + 'column')('stack', 'name')",
        "drop = op.drop_column\ndrop('stack', 'name')",
        "list(map(op.drop_table, ['stack']))",
        "sa.table('stack').drop(op.get_bind())",
        "sa.MetaData().drop_all(op.get_bind())",
        "sa.orm.Session(op.get_bind()).query(1).update({})",
        "sa.event.listen(1, 2, sa.DDL('DROP TABLE stack'))",
        "from heat.db import utils\nutils.migrate_it()",
        "exec('op.drop_table(1)')",
        "x = sa.Column('x', sa.Integer)\nx.nullable = False\nop.add_column('stack', x)",
        "__import__('os').system('true')",
        "op.__dict__['drop_table']('stack')",
        "op = sa\nop.drop_table('stack')",
        "def helper(o):\n    o.drop_table('stack')\nhelper(op)",
        "from heat.db import purge\npurge = purge.where()\nop.execute(purge)",
    ],
)
def test_what_cannot_be_followed_is_unknown(body: str) -> None:
    assert "unknown" in _kinds(body)


@pytest.mark.parametrize(
    ("before", "body", "expected"),
    [
        ("def helper():\n    op.drop_table('stack')\n", "helper()", ["contract"]),
        ("def helper():\n    op.drop_table('stack')\n", "pass", []),
        (
            "class C:\n    def run(self):\n        op.drop_table('stack')\n",
            "C().run()",
            ["contract", "unknown"],
        ),
        ("op.drop_table('stack')\n", "pass", ["contract"]),
        ("T = sa.table('stack')\n", "op.execute(T.delete())", ["data"]),
        ("import functools\n@functools.cache\ndef helper():\n    pass\n", "helper()", ["unknown"]),
    ],
)
def test_helpers_and_the_module_itself_count(before: str, body: str, expected: list[str]) -> None:
    assert _kinds(body, before) == expected


def test_a_file_without_an_upgrade_of_its_own() -> None:
    (found,) = read("x.py", f"{HEAD}from heat.db import upgrade\n").operations
    assert found.kind == "unknown"


@pytest.mark.parametrize("source", ["", "revision = 1\ndown_revision = 2", "revision = 'a'"])
def test_a_file_that_is_nomigration(source: str) -> None:
    with pytest.raises(ValueError, match="no revision"):
        read("x.py", source)
