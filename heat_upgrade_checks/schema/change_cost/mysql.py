"""What MariaDB and MySQL do when they are told to alter a table."""

from heat_upgrade_checks.schema.change_cost.rules import Case, Condition, Rule

# MySQL's limit since 8.0.29; 9.1 raised it, which only makes the rule too careful there.
_ROW_VERSIONS = 64


def _copies_always(case: Case) -> bool:
    settings = case.server.settings
    words = {settings.get("alter_algorithm", ""), settings.get("old_alter_table", "")}
    return bool({word.upper() for word in words} & {"COPY", "ON", "1"})


def _other_engine(case: Case) -> bool:
    return case.table.engine.upper() != "INNODB"


def _full_text(case: Case) -> bool:
    return case.table.fulltext


def _checks_keys(case: Case) -> bool:
    return case.server.settings.get("foreign_key_checks", "ON").upper() not in {"OFF", "0"}


def _at_once(mariadb: tuple[int, ...], mysql: tuple[int, ...], *allowed: str) -> Condition:
    """INSTANT from these versions on; `allowed` of innodb_instant_alter_column_allowed."""

    def holds(case: Case) -> bool:
        server, table = case.server, case.table
        first = mariadb if server.flavour == "MariaDB" else mysql
        # MariaDB 10.3 has not yet the setting, and acts as with add_last.
        setting = server.settings.get("innodb_instant_alter_column_allowed", allowed[0])
        return (
            server.version >= first
            and setting.lower() in allowed
            and table.row_format.upper() != "COMPRESSED"
            and not table.fulltext
            and (table.row_versions or 0) < _ROW_VERSIONS
        )

    return holds


# MDEV-11369 (10.3.2); MySQL 8.0.12. alembic adds a column at the end, never between others.
_adds_at_once = _at_once((10, 3, 2), (8, 0, 12), "add_last", "add_drop_reorder")
# MDEV-15562 (10.4); MySQL 8.0.29.
_removes_at_once = _at_once((10, 4), (8, 0, 29), "add_drop_reorder")


def _uncounted(condition: Condition) -> Condition:
    """The condition holds, but the server counts row versions and does not show them."""

    def holds(case: Case) -> bool:
        counts = case.server.flavour == "MySQL" and case.server.version >= (8, 0, 29)
        return condition(case) and counts and case.table.row_versions is None

    return holds


def _drops_at_once(case: Case) -> bool:
    return _removes_at_once(case) and not {*case.operation.columns} & {*case.table.indexed}


def _nullable(case: Case) -> bool:
    # alembic states the whole column anew, and takes it for nullable unless told otherwise.
    return case.column is not None and case.column.nullable


def _grows_in_place(case: Case) -> bool:
    """A VARCHAR keeps the bytes that hold its length: one up to 255 bytes, two above.

    MariaDB 10.4.3 keeps room for both where the old length is below 128 bytes (MDEV-15563).
    """
    old, new = case.lengths
    octets = (case.table.octets or {}).get(case.column.name if case.column else "")
    if old is None or new is None or not octets or new < old or not _nullable(case):
        return False
    wider = new * octets / old
    roomy = case.server.flavour == "MariaDB" and case.server.version >= (10, 4, 3)
    return (octets > 255) == (wider > 255) or (roomy and octets < 128)


_IF_FEW = f"if fewer than {_ROW_VERSIONS} row versions are in use, which only PROCESS shows"
_ADDS = "add_column add_constant_column"
_REBUILDS = f"{_ADDS} drop_column rename_column drop_not_null set_not_null add_primary_key"
_COPIES = "alter_type add_expression_column drop_primary_key add_check recreate_table"
_IN_CATALOG = "set_default comment drop_check"
_KEYS = "add_foreign_key drop_foreign_key drop_index"
_INDEXES = "create_index add_unique"
_ALTERS = f"{_REBUILDS} {_COPIES} {_IN_CATALOG} {_KEYS} {_INDEXES}"

MYSQL = (
    Rule("drop_table rename_table", "catalog", "nothing"),
    Rule(_ALTERS, "copy", "writes", _copies_always),
    Rule(_IN_CATALOG, "catalog", "nothing"),
    Rule(_ALTERS, "copy", "writes", _other_engine),
    Rule(_ADDS, "catalog", "nothing", _uncounted(_adds_at_once), _IF_FEW),
    Rule("drop_column", "catalog", "nothing", _uncounted(_drops_at_once), _IF_FEW),
    Rule(_ADDS, "catalog", "nothing", _adds_at_once),
    Rule("drop_column", "catalog", "nothing", _drops_at_once),
    Rule("rename_column", "catalog", "nothing", _nullable),
    Rule(_REBUILDS, "rebuild", "writes", _full_text),
    Rule(_REBUILDS, "rebuild", "nothing"),
    Rule("alter_type", "catalog", "nothing", _grows_in_place),
    Rule(_COPIES, "copy", "writes"),
    Rule("add_foreign_key", "copy", "writes", _checks_keys),
    Rule(_KEYS, "catalog", "nothing"),
    Rule(_INDEXES, "index", "nothing"),
    Rule("update_rows", "rows", "writes"),
    Rule("insert_rows", "rows", "nothing"),
)
