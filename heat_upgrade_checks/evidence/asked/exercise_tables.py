"""Runs inside a Heat release's own interpreter (3.8 and later) and works on every mapped table.

Standard input brings the database's URL and then requests, standard output takes the answers: each
is JSON in one line. It loads Heat's models and nothing else of it, and rows go through them as they
do in Heat: every operation in a transaction of its own, on an engine as Heat's.
"""

import datetime
import importlib
import importlib.util
import itertools
import json
import os
import re
import sys
import uuid

sys.dont_write_bytecode = True

RESTORED_ROWS = 100

# MySQL's TEXT and BLOB hold 65,535 bytes. Heat's Json and List are LONGTEXT there, so what they are
# given must not fit a TEXT.
TEXT = 65000
LONGTEXT = 70000

# What the server answers when a foreign key refuses: MySQL's numbers and PostgreSQL's SQLSTATE.
REFUSED_BY_FOREIGN_KEY = ("1451", "1452", "23503")

# Names in the words of MariaDB, MySQL, PostgreSQL and SQLite; `db`.`table` on some of them.
NAMED_TABLE = re.compile(
    r"(?:\(`[^`]+`\.`|for (?:table|relation) (?:[`'\"]?[^`'\".\s]+[`'\"]?\.)?[`'\"]?"
    r"|Table '[^'.]+\.|no such table: )(\w+)"
)
NAMED_CONSTRAINT = re.compile(
    r"(?:CONSTRAINT `|for key ['`](?:\w+\.)?|Check constraint '|constraint \")(\w+)"
)
NAMED_COLUMN = re.compile(
    r"(?:[Cc]olumn(?: named|:)?|Field|NULL constraint failed:|UNIQUE constraint failed:) "
    r"[`'\"]?(?:[^`'\".\s]+[`'\"]?\.[`'\"]?)*(\w+)"
)


class Ended(Exception):
    """What is no fault of a table or of the release, in words for the operator."""


# The names of these two are told as the error.
class gone(Exception):
    """A row that was written is not there."""


class altered(Exception):
    """A column gives back something else than was written."""


def models():
    """Heat's models; they moved with 2023.2."""
    new = importlib.util.find_spec("heat.db.models")
    return importlib.import_module("heat.db.models" if new else "heat.db.sqlalchemy.models")


def automatic(table):
    """The column that the server numbers; SQLAlchemy 1.4 has no public name for it."""
    if hasattr(table, "autoincrement_column"):
        return table.autoincrement_column
    return table._autoincrement_column


def unfilled(column):
    """Whether the ORM writes NULL where nothing is set (Mapper._insert_cols_as_none)."""
    return column.nullable and column.default is None and column.server_default is None


def optional(column):
    return column.nullable or column.default is not None or column.server_default is not None


def innermost(error):
    """The exception that SQLAlchemy and oslo.db have wrapped: the driver's, where it is one."""
    while True:
        inner = getattr(error, "inner_exception", None) or getattr(error, "orig", None)
        if inner is None:
            return error
        error = inner


def code(error):
    """The driver's number, SQLSTATE or name, else the class of the exception."""
    if type(error).__module__.startswith(("pymysql", "MySQLdb")) and error.args:
        return str(error.args[0])
    known = getattr(error, "pgcode", None) or getattr(error, "sqlite_errorname", None)
    return known or type(error).__name__


def names(error):
    """The table, constraint and column that the server's message names."""
    diagnosis = getattr(error, "diag", None)
    words = str(error.args[-1]) if error.args else ""
    named = {}
    for what, pattern in (
        ("table", NAMED_TABLE),
        ("constraint", NAMED_CONSTRAINT),
        ("column", NAMED_COLUMN),
    ):
        found = pattern.search(words)
        named[what] = getattr(diagnosis, what + "_name", None) or (found.group(1) if found else "")
    return named


def unique(table):
    """The columns in which no two rows may be the same, each or together."""
    from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint

    kinds = (PrimaryKeyConstraint, UniqueConstraint)
    keys = [each for each in table.constraints if isinstance(each, kinds)]
    keys += [index for index in table.indexes if index.unique]
    return {column for key in keys for column in key.columns}


class MadeUp:
    """Values that fill a column as far as the release's model allows.

    They are the same in every row where the model lets them be, so that a database that no longer
    does is found out.
    """

    def __init__(self, tables, heat_types):
        self.unique = {column for table in tables for column in unique(table)}
        self.heat_types = heat_types
        self.numbers = itertools.count()

    def value(self, column, letter):
        import sqlalchemy as sa

        own = str(uuid.uuid4()) if column in self.unique else ""
        number = next(self.numbers) if column in self.unique else ord(letter)
        kind = getattr(column.type, "impl", column.type)
        if isinstance(column.type, (self.heat_types.Json, sa.JSON)):
            return {"\u00e9": own + letter * LONGTEXT}
        if isinstance(column.type, self.heat_types.List):
            return [own + letter * LONGTEXT]
        if isinstance(column.type, sa.PickleType):
            return {"\u00e9": own + letter * (TEXT - 1000)}
        if isinstance(kind, sa.Enum):
            return kind.enums[number % len(kind.enums)]
        if isinstance(kind, sa.String):
            length = kind.length or TEXT
            return (own or "\u00e9")[:length].ljust(length, letter)
        if isinstance(kind, sa.Boolean):
            return number % 2 == 0
        if isinstance(kind, sa.Integer):
            bits = 63 if isinstance(kind, sa.BigInteger) else 31
            bits = 15 if isinstance(kind, sa.SmallInteger) else bits
            return 2**bits - 1 - number
        if isinstance(kind, sa.Numeric):
            return number + 0.5
        if isinstance(kind, sa.DateTime):
            return datetime.datetime(2020, 1, 2, 3, 4, 5) + datetime.timedelta(hours=number)
        if isinstance(kind, sa.LargeBinary):
            return (own or letter).encode()
        raise Ended(
            "no value can be made up for column %s.%s of type %s; report it to the authors of this "
            "tool" % (column.table.name, column.name, type(column.type).__name__)
        )


class Release:
    """This release's models on one database, and the answer to the request that is being served."""

    def __init__(self, url):
        from oslo_db.sqlalchemy import engines

        module = models()
        # oslo_db/sqlalchemy/enginefacade.py, which Heat leaves as it is: TRADITIONAL is its SQL
        # mode on MySQL, and foreign keys of SQLite are not enforced.
        self.engine = engines.create_engine(url, mysql_sql_mode="TRADITIONAL", max_retries=0)
        self.tables = module.BASE.metadata.sorted_tables
        self.known = {table.name: table for table in self.tables}
        self.made_up = MadeUp(self.tables, module.types)
        self.written = {}

    def serve(self, request):
        """The answer to one request: an operation, who wrote its rows, and which rows."""
        self.request = request
        self.answer = {
            "tables": len(self.tables),
            "operations": 0,
            "restored": 0,
            "rows": [],
            "failures": [],
            "skipped": [],
        }
        if request["operation"] in ("read", "insert"):
            getattr(self, request["operation"])()
        else:
            getattr(self, request["operation"])(request["rows"])
        if self.answer["skipped"] and not self.answer["failures"]:
            raise Ended(
                "tables that refer to each other were left out; report it to the authors of this "
                "tool"
            )
        return self.answer

    def read(self):
        """Decode restored rows as this release does."""
        import sqlalchemy as sa

        for table in self.tables:
            some = sa.select(table).order_by(*table.primary_key.columns).limit(RESTORED_ROWS)
            self.answer["restored"] += len(self._attempt(table, self._all, some) or ())

    def insert(self):
        """Two rows in every table: one full, and one with only what it must have."""
        inserted = {}
        for table, kind in itertools.product(self.tables, ("full", "minimal")):
            parents = {key.referred_table.name for key in self._references(table, kind)}
            missing = sorted(name for name in parents if (name, kind) not in inserted)
            if missing:
                self._skip(table.name, missing[0])
                continue
            values = {}
            row = self._attempt(table, self._insert, table, kind, inserted, values)
            if row is None:
                continue
            inserted[table.name, kind] = row
            key = {column.key: row[column.key] for column in table.primary_key.columns}
            self.answer["rows"].append({"table": table.name, "kind": kind, "key": key})
            self._remember(table, key, values)

    def select(self, rows):
        """Decode made-up rows; what this release wrote must come back as it was written."""
        for row in rows:
            table = self.known.get(row["table"])
            if table is not None:
                self._attempt(table, self._select, table, row["key"])

    def update(self, rows):
        """Write a new value to every column that is no key."""
        for row in rows:
            table = self.known.get(row["table"])
            if table is not None:
                self._attempt(table, self._update, table, row["key"])

    def delete(self, rows):
        """Delete made-up rows, those that refer to others first; `rows` of the answer are left."""
        held = {}
        order = {table.name: number for number, table in enumerate(self.tables)}
        for row in sorted(rows, key=lambda row: order.get(row["table"], -1), reverse=True):
            name, kind = row["table"], row["kind"]
            table = self.known.get(name)
            if table is None:
                self.answer["rows"].append(row)
                continue
            if (name, kind) in held:
                self._skip(name, held[name, kind])
            elif self._attempt(table, self._delete, table, row["key"]):
                continue
            self.answer["rows"].append(row)
            for key in self._references(table, kind):
                held.setdefault((key.referred_table.name, kind), name)

    def _attempt(self, table, work, *arguments):
        """What the work returns, or None where it failed, which is put on record."""
        from oslo_db.exception import DBConnectionError

        self.answer["operations"] += 1
        with self._connected() as connection:
            try:
                with connection.begin():
                    return work(connection, *arguments)
            except DBConnectionError as error:
                raise unreachable(error) from None
            except Ended:
                raise
            except Exception as error:
                self.answer["failures"].append(self._failure(table, innermost(error)))
                return None

    def _connected(self):
        try:
            return self.engine.connect()
        except Exception as error:
            raise unreachable(error) from None

    def _failure(self, table, error):
        failure = {
            "release": self.request["release"],
            "operation": self.request["operation"],
            "table": table.name,
            "wrote": self.request["wrote"],
            "error": code(error),
        }
        if self.request["operation"] == "read":
            # The server's words on the operator's rows may quote them.
            return failure
        named = names(error)
        failure["refused_by"] = named["table"]
        failure["constraint"] = named["constraint"]
        failure["column"] = named["column"]
        if failure["error"] in REFUSED_BY_FOREIGN_KEY and named["table"]:
            failure["unknown_foreign_key"] = not self._knows(named["table"], named["constraint"])
        return failure

    def _knows(self, name, constraint):
        """Whether the models have a foreign key that the database has; they rarely name theirs."""
        import sqlalchemy as sa

        table = self.known.get(name)
        if table is None:
            return False
        mine = [
            (
                [element.parent.name for element in key.elements],
                key.referred_table.name,
                [element.column.name for element in key.elements],
            )
            for key in table.foreign_key_constraints
        ]
        return any(
            (key["constrained_columns"], key["referred_table"], key["referred_columns"]) in mine
            for key in sa.inspect(self.engine).get_foreign_keys(name)
            if key["name"] == constraint
        )

    def _skip(self, name, because):
        request = self.request
        self.answer["skipped"].append(
            {
                "release": request["release"],
                "operation": request["operation"],
                "table": name,
                "wrote": request["wrote"],
                "because": because,
            }
        )

    @staticmethod
    def _references(table, kind):
        """The foreign keys that a row of this kind fills in."""
        return [
            key
            for key in table.foreign_key_constraints
            if key.referred_table is not table
            and (kind == "full" or not all(each.parent.nullable for each in key.elements))
        ]

    @staticmethod
    def _row(table, key):
        import sqlalchemy as sa

        return sa.and_(*[column == key[column.key] for column in table.primary_key.columns])

    @staticmethod
    def _all(connection, statement):
        return connection.execute(statement).fetchall()

    def _insert(self, connection, table, kind, inserted, values):
        for column in table.columns:
            if column is automatic(table):
                continue
            if not optional(column) or (kind == "full" and not column.foreign_keys):
                values[column.key] = self.made_up.value(column, "x")
            elif unfilled(column):
                values[column.key] = None
        for key in self._references(table, kind):
            parent = inserted[key.referred_table.name, kind]
            for element in key.elements:
                values[element.parent.key] = parent[element.column.key]
        result = connection.execute(table.insert().values(values))
        row = dict(result.last_inserted_params())
        columns = [column.key for column in table.primary_key.columns]
        row.update(zip(columns, result.inserted_primary_key))
        return row

    def _select(self, connection, table, key):
        import sqlalchemy as sa

        found = connection.execute(sa.select(table).where(self._row(table, key))).fetchall()
        if len(found) != 1:
            raise gone()
        for column, value in self.written.get(self._mark(table, key), {}).items():
            if found[0]._mapping[table.c[column]] != value:
                raise altered("column %s" % column)

    def _update(self, connection, table, key):
        letter = {"current": "y", "target": "z"}[self.request["release"]]
        values = {
            column.key: self.made_up.value(column, letter)
            for column in table.columns
            if not column.primary_key and not column.foreign_keys
        }
        done = connection.execute(table.update().where(self._row(table, key)).values(values))
        if done.rowcount != 1:
            raise gone()
        self._remember(table, key, values)

    def _delete(self, connection, table, key):
        if connection.execute(table.delete().where(self._row(table, key))).rowcount != 1:
            raise gone()
        # SQLite gives the same number again.
        self.written.pop(self._mark(table, key), None)
        return True

    def _remember(self, table, key, values):
        self.written.setdefault(self._mark(table, key), {}).update(values)

    @staticmethod
    def _mark(table, key):
        return (table.name, tuple(sorted(key.items())))


def unreachable(error):
    return Ended(
        "the database does not let it in, or lost it (error %s); "
        "look into the log of the database server" % code(innermost(error))
    )


def in_words(error):
    if importlib.util.find_spec("heat") is None:
        return "Heat is not installed there; install it, or correct the interpreter in the plan"
    if isinstance(error, Ended):
        return str(error)
    return "%s while it worked on Heat's tables; try its heat-manage by hand" % type(error).__name__


def main():
    # Whatever else writes to standard output must not end up between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        release = Release(json.loads(sys.stdin.readline()))
        for line in sys.stdin:
            print(json.dumps(release.serve(json.loads(line))), file=answers, flush=True)
    except Exception as error:
        print(json.dumps({"error": in_words(error)}), file=answers, flush=True)


main()
