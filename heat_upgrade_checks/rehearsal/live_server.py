"""What a database server is and how it is set, as far as it decides how a migration ends there."""

import re
from dataclasses import dataclass, field

import sqlalchemy as sa

from heat_upgrade_checks.evidence.database.session import ask_in_session, url_of
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.schema.server_kind import kind

# How names, types, defaults and keys are understood: mariadb.com/kb/en/server-system-variables and
# dev.mysql.com/doc/refman/8.0/en/server-system-variables.html. A server lacks those of others.
_MYSQL_SETTINGS = (
    "character_set_collations",
    "character_set_server",
    "collation_server",
    "default_collation_for_utf8mb4",
    "default_storage_engine",
    "enforce_storage_engine",
    "explicit_defaults_for_timestamp",
    "innodb_default_row_format",
    "innodb_file_format",
    "innodb_file_per_table",
    "innodb_force_primary_key",
    "innodb_large_prefix",
    "innodb_page_size",
    "innodb_read_only_compressed",
    "innodb_strict_mode",
    "lower_case_table_names",
    "old_mode",
    "sql_generate_invisible_primary_key",
    "sql_mode",
    "sql_require_primary_key",
    "wsrep_on",
)
_MYSQL_IDENTITY = ("datadir", "hostname", "port", "server_uid", "server_uuid")

# https://www.postgresql.org/docs/current/runtime-config-client.html and -compatible.html.
_POSTGRESQL_SETTINGS = (
    "DateStyle",
    "TimeZone",
    "array_nulls",
    "backslash_quote",
    "bytea_output",
    "default_table_access_method",
    "default_toast_compression",
    "escape_string_warning",
    "standard_conforming_strings",
    "transform_null_equals",
)


@dataclass(frozen=True)
class LiveServer:
    """A server and the one database on it that was looked at.

    `backend` is "mysql" (MariaDB, too), "postgresql" or "sqlite". `charset` and `collation` are the
    database's defaults; for PostgreSQL its encoding and locale, of which `provider` ("libc", "icu",
    "builtin"), `collation`, `character_type` and `provider_locale` are the parts. `settings` are
    the server's global ones, "" where there is none. `identity` tells two servers apart whatever
    name or proxy they are reached by; `account` is the one in the URL.
    """

    backend: str
    flavour: str
    version: str
    database: str
    account: str
    charset: str
    collation: str
    settings: dict[str, str]
    identity: tuple[str, ...] = field(repr=False)
    character_type: str = ""
    provider: str = ""
    provider_locale: str = ""

    @property
    def server(self) -> str:
        """Flavour and version, such as "MariaDB 10.11.6"."""
        return f"{self.flavour} {self.version}"


def observe(site: Site) -> LiveServer:
    """The server of Heat's live database, read in one read-only session.

    :raises Unobserved: it cannot be reached, or not be read.
    """
    account = url_of(site).username or ""
    return ask_in_session(site, lambda session: look(session, account))


def look(session: sa.Connection, account: str) -> LiveServer:
    """The server behind an open session, and the database that it is in."""
    readers = {"mysql": _mysql, "postgresql": _postgresql, "sqlite": _sqlite}
    return readers[session.dialect.name](session, account)


def decisive_differences(scratch: LiveServer, live: LiveServer) -> tuple[str, ...]:
    """The differences because of which a migration may end otherwise on the live server."""
    of_server = _of_server(scratch, live) if kind(scratch.server) != kind(live.server) else []
    return (*of_server, *_of_database(scratch, live, ("charset", "collation")))


def differences(scratch: LiveServer, live: LiveServer) -> tuple[str, ...]:
    """How the scratch server is unlike the live one, a phrase for each difference."""
    parts = ("charset", "collation", "character_type", "provider", "provider_locale")
    found = _of_server(scratch, live) + _of_database(scratch, live, parts)
    unset = '""'
    for name, theirs in live.settings.items():
        if name not in scratch.settings:
            found.append(
                f"{name} is unknown to the server, on the live one it is {theirs or unset}"
            )
        elif _value(name, scratch.settings[name]) != _value(name, theirs):
            ours = scratch.settings[name] or unset
            found.append(f"{name} is {ours}, on the live server {theirs or unset}")
    return tuple(found)


def _of_server(scratch: LiveServer, live: LiveServer) -> list[str]:
    if scratch.server == live.server:
        return []
    return [f"server is {scratch.server}, the live one is {live.server}"]


def _of_database(scratch: LiveServer, live: LiveServer, parts: tuple[str, ...]) -> list[str]:
    return [
        f"the database's {part.replace('_', ' ')} is {getattr(scratch, part) or 'unset'}, "
        f"the live one's {getattr(live, part)}"
        for part in parts
        if getattr(scratch, part) != getattr(live, part)
    ]


def _value(name: str, value: str) -> frozenset[str]:
    return frozenset(value.split(",")) if name in {"sql_mode", "old_mode"} else frozenset({value})


def _mysql(session: sa.Connection, account: str) -> LiveServer:
    names = ", ".join(f"'{name}'" for name in (*_MYSQL_SETTINGS, *_MYSQL_IDENTITY, "version"))
    rows = session.exec_driver_sql(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})")
    variables = {str(name): str(value) for name, value in rows}
    database, charset, collation = session.exec_driver_sql(
        "SELECT schema_name, default_character_set_name, default_collation_name "
        "FROM information_schema.schemata WHERE schema_name = DATABASE()"
    ).one()
    version = variables["version"]
    return LiveServer(
        backend="mysql",
        flavour="MariaDB" if "mariadb" in version.lower() else "MySQL",
        version=_number(version),
        database=database,
        account=account,
        charset=charset,
        collation=collation,
        settings={name: variables[name] for name in _MYSQL_SETTINGS if name in variables},
        identity=tuple(variables.get(name, "") for name in _MYSQL_IDENTITY),
    )


_POSTGRESQL_DATABASE = """
    SELECT d.datname, pg_encoding_to_char(d.encoding), d.datcollate, d.datctype,
        to_jsonb(d) ->> 'datlocprovider',
        coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale', ''),
        current_setting('server_version'),
        (SELECT system_identifier::text FROM pg_control_system())
    FROM pg_database d WHERE d.datname = current_database()
"""


def _postgresql(session: sa.Connection, account: str) -> LiveServer:
    # The columns of the locale's provider came with version 15 and were renamed in 17.
    database, charset, collation, character_type, provider, locale, version, system = (
        session.exec_driver_sql(_POSTGRESQL_DATABASE).one()
    )
    # The session has settings of its own; `reset_val` is what an ordinary one begins with.
    names = ", ".join(f"'{name}'" for name in _POSTGRESQL_SETTINGS)
    rows = session.exec_driver_sql(
        f"SELECT name, coalesce(reset_val, '') FROM pg_settings WHERE name IN ({names})"  # noqa: S608 - constants
    )
    return LiveServer(
        backend="postgresql",
        flavour="PostgreSQL",
        version=_number(version),
        database=database,
        account=account,
        charset=charset,
        collation=collation,
        settings={str(name): str(value) for name, value in rows},
        identity=(system,),
        character_type=character_type,
        provider={"c": "libc", "i": "icu", "b": "builtin", None: "libc"}[provider],
        provider_locale=locale,
    )


def _sqlite(session: sa.Connection, account: str) -> LiveServer:
    version, encoding = session.exec_driver_sql(
        "SELECT sqlite_version(), (SELECT encoding FROM pragma_encoding)"
    ).one()
    path = session.exec_driver_sql("SELECT file FROM pragma_database_list").scalar_one()
    return LiveServer("sqlite", "SQLite", version, path, account, encoding, "", {}, (path,))


def _number(version: str) -> str:
    found = re.search(r"\d+(?:\.\d+)+", version)
    return found[0] if found else version
