"""Runs inside a Heat release's own interpreter (3.8 and later) and works on every mapped table.

Standard input brings the database's URL and then requests, standard output takes the answers: each
is JSON in one line. It loads Heat's models and nothing else of it, and rows go through them as they
do in Heat: every operation in a transaction of its own, on an engine as Heat's.
"""

import importlib
import importlib.util
import itertools
import json
import os
import sys

from database_errors import (
    REFUSED_BY_FOREIGN_KEY,
    Ended,
    code,
    innermost,
    names,
    unreachable,
)
from made_up_values import MadeUp, automatic, optional, unfilled

sys.dont_write_bytecode = True

RESTORED_ROWS = 100


# The names of these two are told as the error.
class gone(Exception):
    """A row that was written is not there."""


class altered(Exception):
    """A column gives back something else than was written."""


def models():
    """Heat's models; they moved with 2023.2."""
    new = importlib.util.find_spec("heat.db.models")
    return importlib.import_module("heat.db.models" if new else "heat.db.sqlalchemy.models")


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
