"""Statements that an administrator of Heat's database is told to run, and how."""

# How long `heat-manage purge_deleted` keeps rows by default (heat/cmd/manage.py).
PURGE_DAYS = 90


def run(server: str, database: str, sql: str) -> list[str]:
    """The command by which an administrator runs a statement on this server."""
    if server.startswith("PostgreSQL"):
        return ["psql", "--dbname", database, "--command", sql]
    client = "mariadb" if server.startswith("MariaDB") else "mysql"
    return [client, "--execute", sql]


def mysql_name(name: str) -> str:
    """A name as MariaDB and MySQL quote it."""
    return "`" + name.replace("`", "``") + "`"


def sql_name(name: str) -> str:
    """A name as the SQL standard and PostgreSQL quote it."""
    return '"' + name.replace('"', '""') + '"'


def grantee(backend: str, account: str) -> str:
    """An account as a GRANT names it; MySQL's is `user@host`."""
    if backend != "mysql":
        return sql_name(account)
    user, _, host = account.rpartition("@")
    return f"'{user}'@'{host}'"


def end_session(backend: str, session: int) -> str:
    """The statement that ends a session."""
    return f"KILL {session}" if backend == "mysql" else f"SELECT pg_terminate_backend({session})"


def end_prepared(backend: str, name: str) -> tuple[str, str]:
    """How a prepared transaction is ended, and the statement with which that begins."""
    if backend == "mysql":
        return "It is one of those that XA RECOVER lists: XA ROLLBACK or XA COMMIT ends it.", (
            "XA RECOVER"
        )
    quoted = "'" + name.replace("'", "''") + "'"
    return "ROLLBACK PREPARED ends it, or COMMIT PREPARED.", f"ROLLBACK PREPARED {quoted}"


def put_right(table: str, id: str, *columns: str) -> str:
    """The statement that sets columns, as `name = value`, of one row of a table."""
    return " ".join(("UPDATE", table, "SET", ", ".join(columns), "WHERE", f"id = '{id}'"))
