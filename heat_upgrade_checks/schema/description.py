"""What a schema consists of, in the same shape whether a release's models or a database has it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column; `type` is spelled as the database's dialect spells it (`VARCHAR(255)`).

    `default` tells that the release's code fills it in, which a database cannot know of;
    `server_default` that the server does: a default, an identity or an automatic number.
    """

    name: str
    type: str
    nullable: bool
    default: bool
    server_default: bool


@dataclass(frozen=True)
class ForeignKey:
    """A reference to rows of `table`; `on_delete` is empty where the server refuses the delete."""

    columns: tuple[str, ...]
    table: str
    referred: tuple[str, ...]
    on_delete: str


@dataclass(frozen=True)
class Table:
    """One table; `keys` are the columns of its primary key and of whatever else is unique.

    Of a column that is unique in its first characters only, the key says how many: `name(10)`.
    `key_drops` are the statements that drop them, in the same order: a database's alone, "" for the
    primary key.
    """

    name: str
    columns: tuple[Column, ...]
    keys: tuple[tuple[str, ...], ...]
    foreign_keys: tuple[ForeignKey, ...]
    key_drops: tuple[str, ...] = ()
