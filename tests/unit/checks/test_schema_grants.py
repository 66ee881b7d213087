"""The judgement on the grants of Heat's account."""

from dataclasses import replace
from pathlib import Path

import pytest

from heat_upgrade_checks.errors import NotConfigured
from heat_upgrade_checks.evidence.database import schema_state
from heat_upgrade_checks.evidence.database.account import Account, privileges_on
from heat_upgrade_checks.evidence.database.schema_state import SchemaState
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates.judgement import Judgement
from tests.facts import a_database
from tests.judging import check_at, judge, plan
from tests.unit.checks.judged import sentences
from tests.unit.checks.schema_states import ACCOUNT, STATE

HASH = "*81F5E21E35407D884A6CD4A731AEBFB6AF209E1B"


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["GRANT ALL PRIVILEGES ON `heat_1`.* TO `heat`@`%`"], {"ALL PRIVILEGES"}),
        (["GRANT SELECT, INSERT ON *.* TO `heat`@`%` WITH GRANT OPTION"], {"SELECT", "INSERT"}),
        (
            [
                f"GRANT USAGE ON *.* TO `heat`@`%` IDENTIFIED BY PASSWORD '{HASH}'",
                "GRANT DELETE HISTORY, ALTER ON `heat\\_1`.* TO `heat`@`%`",
            ],
            {"USAGE", "DELETE HISTORY", "ALTER"},
        ),
        # A pattern; another database; one that only looks like this one.
        (["GRANT ALTER ON `heat%`.* TO `heat`@`%`"], {"ALTER"}),
        (["GRANT ALTER ON `heat`.* TO `heat`@`%`"], set()),
        (["GRANT ALTER ON `heat.1`.* TO `heat`@`%`"], set()),
        (["GRANT ALTER ON `h%\\_%`.* TO `heat`@`%`"], {"ALTER"}),
        (["GRANT ALTER ON `heat\\%1`.* TO `heat`@`%`"], set()),
        # One table, some columns, a procedure, a proxy, a role and what the role has.
        (["GRANT ALTER ON `heat_1`.`stack` TO `heat`@`%`"], set()),
        (["GRANT SELECT (`id`) ON `heat_1`.`stack` TO `heat`@`%`"], set()),
        (["GRANT EXECUTE ON PROCEDURE `heat_1`.`p` TO `heat`@`%`"], set()),
        (["GRANT PROXY ON ''@'%' TO 'heat'@'%' WITH GRANT OPTION"], set()),
        (
            ["GRANT `owner` TO `heat`@`%`", "GRANT INDEX ON `heat_1`.* TO `owner`"],
            {"INDEX"},
        ),
        # MySQL's partial revoke, and names in double quotes.
        (
            [
                "GRANT SELECT, ALTER ON *.* TO `heat`@`%`",
                "REVOKE ALTER ON `heat_1`.* FROM `heat`@`%`",
            ],
            {"SELECT"},
        ),
        (['GRANT DROP ON "heat_1".* TO "heat"@"%"'], {"DROP"}),
    ],
)
def test_what_show_grants_says(statements: list[str], expected: set[str]) -> None:
    assert privileges_on("heat_1", statements) == expected


def _grants(state: SchemaState, server: str = "MariaDB 10.11") -> Judgement:
    return judge(
        check_at("schema.grants", "pre"),
        "pre",
        database=a_database(server=server),
        schema_state=state,
    )


def test_grants() -> None:
    assert _grants(STATE).findings == []
    needed = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "REFERENCES")
    gate = _grants(replace(STATE, account=replace(ACCOUNT, privileges=needed)))
    assert sentences(gate) == ["blocker account heat@%: lacks ALTER, INDEX on database heat"]
    assert gate.findings[0].commands == (
        ("mariadb", "--execute", "GRANT ALTER, INDEX ON `heat`.* TO 'heat'@'%'"),
    )


def test_grants_on_postgresql() -> None:
    account = Account("heat", True, "public", ("SELECT", "INSERT"), ("stack",), False)
    gate = _grants(replace(STATE, backend="postgresql", account=account), "PostgreSQL 15.5")
    (finding,) = gate.findings
    assert finding.summary == (
        "lacks UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES on database heat"
    )
    assert [command[-1] for command in finding.commands] == [
        'ALTER TABLE "public"."stack" OWNER TO "heat"',
        'GRANT CREATE ON SCHEMA "public" TO "heat"',
        'GRANT UPDATE, DELETE, REFERENCES ON ALL TABLES IN SCHEMA "public" TO "heat"',
    ]
    assert finding.commands[0][:3] == ("psql", "--dbname", "heat")


def test_a_replica() -> None:
    gate = _grants(replace(STATE, account=replace(ACCOUNT, read_only=True)))
    assert sentences(gate) == [
        "blocker MariaDB 10.11: accepts no change: it is read-only or a replica"
    ]


def test_another_accounts_privileges_tell_nothing() -> None:
    with pytest.raises(NotConfigured, match="reads as reader@%, not with the account and"):
        _grants(replace(STATE, account=replace(ACCOUNT, name="reader@%", is_heats=False)))


@pytest.mark.parametrize(
    ("url", "connection", "is_heats"),
    [
        (None, "mysql+pymysql://heat:x@db/heat", True),
        ("mysql://heat@DB/heat", "mysql+pymysql://heat:x@db:3306/heat", True),
        ("mysql://h%40t@db/heat", "mysql+pymysql://h%40t:x@db/heat", True),
        ("mysql://heat@replica/heat", "mysql+pymysql://heat:x@db/heat", False),
        ("mysql://reader@db/heat", "mysql+pymysql://heat:x@db/heat", False),
        ("mysql://heat@db/heat", None, False),
    ],
)
def test_whose_account_reads(
    tmp_path: Path, url: str | None, connection: str | None, is_heats: bool
) -> None:
    conf = tmp_path / "heat.conf"
    line = f"connection = {connection}\n" if connection else ""
    conf.write_text(f"[database]\n{line}", encoding="utf-8")
    current = {"version": "25.0.2", "config": [str(conf)]}
    site = Site(plan(current=current, database={"url": url}), tmp_path)
    assert schema_state._reads_as_heat(site) is is_heats
