"""What an account may do on real servers, and what Heat's migration needs."""

import pytest
import sqlalchemy as sa

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.heat.privileges import NEEDED
from tests.judging import check_at
from tests.services.heat_databases import PASSWORD, Make
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.services.schema.states import green, judged, name_of, red


def test_each_privilege_that_is_revoked_on_mariadb(mariadb: MariaDB, on_mariadb: Make) -> None:
    check = check_at("schema.grants", "pre")
    heat = on_mariadb()
    heat.db_sync(25)
    name = name_of(heat)
    green(check, heat)
    for privilege in NEEDED:
        mariadb.execute(f"REVOKE {privilege} ON `{name}`.* FROM `{name}`@'127.0.0.1'")
        if privilege == "SELECT":
            with pytest.raises(Unobserved, match="grant the account SELECT"):
                judged(check, heat)
            mariadb.execute(f"GRANT SELECT ON `{name}`.* TO `{name}`@'127.0.0.1'")
            continue
        finding = red(check, heat)
        assert finding.level == "blocker"
        assert finding.summary == f"lacks {privilege} on database {name}"
        ((*_, sql),) = finding.commands
        assert sql in finding.hint
        mariadb.execute(sql)
        green(check, heat)


def test_privileges_by_pattern_and_by_role_on_mariadb(mariadb: MariaDB, on_mariadb: Make) -> None:
    check = check_at("schema.grants", "pre")
    heat = on_mariadb()
    heat.db_sync(25)
    name = name_of(heat)
    user = f"`{name}`@'127.0.0.1'"
    mariadb.execute(f"REVOKE ALL ON `{name}`.* FROM {user}")
    for pattern in (name.replace("_", "\\_"), f"{name[:7]}%", f"{name[:-1]}_"):
        mariadb.execute(f"GRANT ALL ON `{pattern}`.* TO {user}")
        green(check, heat)
        mariadb.execute(f"REVOKE ALL ON `{pattern}`.* FROM {user}")
    mariadb.execute(f"GRANT SELECT ON `{name}`.* TO {user}")
    role = f"role_{name}"
    mariadb.execute(f"CREATE ROLE {role}")
    mariadb.execute(f"GRANT ALL ON `{name}`.* TO {role}")
    mariadb.execute(f"GRANT {role} TO {user}")
    # A role that is granted but not active when the session begins is of no use to db_sync.
    assert "lacks INSERT, UPDATE, DELETE, CREATE, ALTER" in red(check, heat).summary
    mariadb.execute(f"SET DEFAULT ROLE {role} FOR {user}")
    green(check, heat)


def test_the_most_specific_grant_alone_counts_on_mariadb(
    mariadb: MariaDB, on_mariadb: Make
) -> None:
    check = check_at("schema.grants", "pre")
    heat = on_mariadb()
    heat.db_sync(25)
    name = name_of(heat)
    user = f"`{name}`@'127.0.0.1'"
    mariadb.execute(f"REVOKE ALL ON `{name}`.* FROM {user}")
    mariadb.execute(f"GRANT ALL ON `{name[:7]}%`.* TO {user}")
    green(check, heat)
    exact = name.replace("_", "\\_")
    for specific in (exact, f"{exact[:-3]}%"):
        mariadb.execute(f"GRANT SELECT ON `{specific}`.* TO {user}")
        assert "lacks INSERT, UPDATE, DELETE, CREATE, ALTER" in red(check, heat).summary
        # As the server sees it.
        with pytest.raises(sa.exc.OperationalError, match="denied"):
            heat.execute("ALTER TABLE stack ADD COLUMN x INT")
        mariadb.execute(f"REVOKE SELECT ON `{specific}`.* FROM {user}")
    # A more specific one that gives all outweighs one that gives less.
    mariadb.execute(f"REVOKE ALL ON `{name[:7]}%`.* FROM {user}")
    mariadb.execute(f"GRANT SELECT ON `{name[:7]}%`.* TO {user}")
    mariadb.execute(f"GRANT ALL ON `{exact}`.* TO {user}")
    green(check, heat)
    heat.execute("ALTER TABLE stack ADD COLUMN x INT")


def test_a_read_only_mariadb_and_another_account(mariadb: MariaDB, on_mariadb: Make) -> None:
    check = check_at("schema.grants", "pre")
    heat = on_mariadb()
    heat.db_sync(25)
    name = name_of(heat)
    mariadb.execute("SET GLOBAL read_only = ON")
    try:
        finding = red(check, heat)
    finally:
        mariadb.execute("SET GLOBAL read_only = OFF")
    assert finding.summary == "accepts no change: it is read-only or a replica"
    mariadb.execute(f"CREATE USER r_{name}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
    mariadb.execute(f"GRANT SELECT ON `{name}`.* TO r_{name}@'127.0.0.1'")
    password = heat.folder / "password"
    password.write_text(PASSWORD, "utf-8")
    url = f"mysql+pymysql://r_{name}@127.0.0.1:{mariadb.port}/{name}"
    with pytest.raises(NotConfigured, match=rf"reads as r_{name}@127\.0\.0\.1"):
        judged(check, heat, url=url, password_file=password)
    # That account is enough for every other check.
    green(check_at("schema.not-half-migrated", "pre"), heat, url=url, password_file=password)


def test_what_the_account_lacks_on_postgresql(postgresql: PostgreSQL, on_postgresql: Make) -> None:
    check = check_at("schema.grants", "pre")
    heat = on_postgresql()
    heat.db_sync(25)
    name = name_of(heat)
    green(check, heat)
    for statement, missing in (
        ("ALTER SCHEMA public OWNER TO postgres", "CREATE"),
        (f'REVOKE DELETE ON sync_point FROM "{name}"', "DELETE"),
        (
            "ALTER TABLE sync_point OWNER TO postgres",
            "SELECT, INSERT, UPDATE, DELETE, ALTER, DROP, INDEX, REFERENCES",
        ),
    ):
        postgresql.execute(statement, database=name)
        finding = red(check, heat)
        assert finding.level == "blocker"
        assert finding.summary == f"lacks {missing} on database {name}"
        for *_, sql in finding.commands:
            postgresql.execute(sql, database=name)
        green(check, heat)
