"""Part of a script that runs inside a Heat release's own interpreter (3.8 and later).

Values for rows that no one else has written, as its models allow them.
"""

import datetime
import itertools
import uuid

from database_errors import Ended

# MySQL's TEXT and BLOB hold 65,535 bytes. Heat's Json and List are LONGTEXT there, so what they are
# given must not fit a TEXT.
TEXT = 65000
LONGTEXT = 70000


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
