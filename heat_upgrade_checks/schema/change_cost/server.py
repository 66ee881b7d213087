"""A database server, and its tables as it stores them."""

from dataclasses import dataclass
from typing import Literal

Flavour = Literal["MariaDB", "MySQL", "PostgreSQL", "SQLite"]


@dataclass(frozen=True)
class StoredTable:
    """A table as the server stores it; `rows` is an estimate, sizes are bytes, None is unknown.

    `octets` are the most bytes that each VARCHAR column may take, `indexed` the columns of all
    indexes; `row_versions` is how often MySQL altered it at once since it was last rebuilt. The
    latter and the words on engine and format are MariaDB's and MySQL's only.
    """

    name: str
    rows: int | None = None
    data_bytes: int | None = None
    index_bytes: int | None = None
    engine: str = ""
    row_format: str = ""
    fulltext: bool = False
    indexed: tuple[str, ...] = ()
    octets: dict[str, int] | None = None
    row_versions: int | None = None

    @property
    def bytes(self) -> int | None:
        """Data and indexes."""
        if self.data_bytes is None or self.index_bytes is None:
            return None
        return self.data_bytes + self.index_bytes


@dataclass(frozen=True)
class Galera:
    """How a cluster takes schema changes and large transactions.

    `method` is wsrep_OSU_method. A transaction may change `max_rows` rows, 0 for any number, in
    `max_bytes` bytes unless it is sent in `fragments`; with `full_images` each changed row is sent
    as it was and as it is.
    """

    method: str
    max_rows: int
    max_bytes: int
    fragments: bool
    full_images: bool


@dataclass(frozen=True)
class Server:
    """A database server; `settings` are those of a new session that steer an ALTER TABLE."""

    flavour: Flavour
    version: tuple[int, ...]
    settings: dict[str, str]
    galera: Galera | None

    def __str__(self) -> str:
        version = ".".join(map(str, self.version))
        return f"{self.flavour} {version}{' with Galera' if self.galera else ''}"
