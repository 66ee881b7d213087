"""The judgement on configurations, where real releases show a case only rarely."""

from typing import Any

import pytest

from heat_upgrade_checks.errors import NotConfigured
from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.configuration.api_paste import ApiPaste
from heat_upgrade_checks.evidence.configuration.effective import Compared, EncryptionKey, Value
from heat_upgrade_checks.evidence.configuration.given import Place
from heat_upgrade_checks.evidence.configuration.options import (
    Continuity,
    Ec2Token,
    KnownAs,
    Options,
    SetOption,
)
from heat_upgrade_checks.evidence.configuration.policies import Enforcement, Policies
from heat_upgrade_checks.evidence.configuration.trustee import Account, Trustee
from heat_upgrade_checks.evidence.database.credentials import Credentials, Sample
from heat_upgrade_checks.evidence.database.same_database import DatabaseComparison
from heat_upgrade_checks.evidence.stacks.cfn_signals import CfnSignals
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.heat.continuity import KEPT, Kept, kept
from heat_upgrade_checks.heat.removed_options import removed
from tests.judging import check_at, hand, judge, plan

CREDENTIALS = check_at("config.credentials-decrypt", "pre")
VALID = check_at("config.valid", "installed")

PASTE = ApiPaste("api-paste.ini", "/etc/heat/api-paste.ini", {}, (), None)
USABLE = Account(uses_trusts=True, refused="")
TRUSTEE = Trustee(("/etc/heat/heat.conf",), USABLE, USABLE)
LONG = EncryptionKey(32, is_public_default=False)
SAME = DatabaseComparison("mysql://db/heat", "mysql://db/heat", "same")
UNUSED = CfnSignals(0, ())


def _known(group: str, name: str, *, removal: bool = False, reason: str = "") -> KnownAs:
    return KnownAs(group, name, removal, reason, "")


def _option(
    group: str, name: str, target: KnownAs | None = None, current: KnownAs | None = None
) -> SetOption:
    return SetOption(Place(group, name, "/etc/heat/heat.conf", 7), target, current)


def _options(*options: SetOption, missing: tuple[str, ...] = (), **more: Any) -> Options:
    token = Ec2Token(("ec2authtoken",), knows_credentials=True, knows_auth_uri=False)
    return Options(("/etc/heat/heat.conf",), options, token, missing, more.get("continuity"))


def _valid(*options: SetOption, release: str = "26.0.2", **more: Any) -> Judgement:
    target = Release(release, "", "", "", (), None, "", "")
    return judge(
        VALID,
        "installed",
        options=_options(*options, **more),
        api_paste=PASTE,
        trustee=TRUSTEE,
        target_release=target,
    )


@pytest.mark.parametrize(
    ("group", "name", "known_to_current", "level"),
    [
        ("DEFAULT", "bogus", False, "warning"),
        ("DEFAULT", "bogus", True, "warning"),
        # No table names it, but it is about a connection.
        ("database", "slave_connection", True, "blocker"),
        ("database", "slave_connection", False, "warning"),
        ("keystone_authtoken", "cafile", True, "blocker"),
        # The server that runs heat-api has options of its own for this.
        ("heat_api", "cert_file", True, "warning"),
        ("oslo_policy", "enforce_scope", True, "warning"),
        ("DEFAULT", "rpc_backend", False, "warning"),
    ],
)
def test_an_option_that_the_target_ignores(
    group: str, name: str, *, known_to_current: bool, level: str
) -> None:
    current = _known(group, name) if known_to_current else None
    (found,) = _valid(_option(group, name, None, current)).findings
    assert (found.level, found.object) == (level, f"[{group}] {name}")
    assert found.summary.endswith("/etc/heat/heat.conf, line 7")
    assert found.hint


def test_a_former_name_that_is_lost_leads_to_the_new_one() -> None:
    lost = _option("DEFAULT", "sql_connection", None, _known("database", "connection"))
    (found,) = _valid(lost).findings
    assert (found.level, found.hint) == ("blocker", "Set [database] connection instead.")


def test_without_the_current_release_a_loss_is_no_typo() -> None:
    note, found = _valid(_option("DEFAULT", "bogus"), missing=("current.python",)).findings
    assert (note.level, "current.python" in note.summary) == ("note", True)
    assert found.level == "warning"
    assert "neither" not in found.summary


@pytest.mark.parametrize(("release", "level"), [("25.0.2", "note"), ("26.0.2", "warning")])
def test_what_the_next_release_removes_is_a_warning(release: str, level: str) -> None:
    known = _known("ec2authtoken", "auth_uri", removal=True, reason="Superseded.")
    (found,) = _valid(_option("ec2authtoken", "auth_uri", known), release=release).findings
    assert found.level == level
    assert "Superseded;" in found.summary


def test_the_table_of_removed_options() -> None:
    assert removed("heat_api_cfn", "bind_port") is removed("heat_api", "workers")
    assert removed("DEFAULT", "bind_port") is None
    assert removed("oslo_messaging_rabbit", "rabbit_ha_queues") is None


# --- config.continuity


def _value(text: str | None, *, known: bool = True, readable: bool = True) -> Value:
    return Value(known, readable, is_set=True, text=text)


def _continuity(*compared: Compared, database: DatabaseComparison = SAME) -> Options:
    return _options(continuity=Continuity(compared, LONG, LONG, database))


@pytest.mark.parametrize("rule", KEPT, ids=lambda rule: rule.spelled)
def test_every_difference_has_its_level(rule: Kept) -> None:
    pair = Compared(rule.group, rule.name, False, _value("a"), _value("b"))
    gate = judge(check_at("config.continuity", "installed"), "installed", options=_continuity(pair))
    (found,) = gate.findings
    assert (found.level, found.object) == (rule.level, rule.spelled)
    assert found.summary == f"is b for the target, and a for current: {rule.breaks}"


@pytest.mark.parametrize(
    ("group", "name", "level"),
    [
        *(("clients", name, "warning") for name in ("ca_file", "endpoint_type", "insecure")),
        ("clients_nova", "endpoint_type", "warning"),
        ("clients_heat", "url", "warning"),
        *(
            ("DEFAULT", name, "warning")
            for name in (
                "max_resources_per_stack",
                "stack_action_timeout",
                "rpc_response_timeout",
                "executor_thread_pool_size",
                "client_retry_limit",
                "error_wait_time",
                "server_keystone_endpoint_type",
                "region_name_for_shared_services",
                "default_user_data_format",
                "allow_trusts_redelegation",
            )
        ),
        ("oslo_middleware", "enable_proxy_headers_parsing", "warning"),
        ("oslo_middleware", "max_request_body_size", "warning"),
        ("oslo_messaging_rabbit", "ssl", "warning"),
        ("oslo_messaging_rabbit", "heartbeat_rate", "warning"),
        ("oslo_messaging_notifications", "driver", "warning"),
        ("database", "max_overflow", "warning"),
        ("database", "ssl_ca", "warning"),
        ("keystone_authtoken", "service_token_roles_required", "warning"),
        ("keystone_authtoken", "memcached_servers", "warning"),
        ("cors", "allowed_origin", "warning"),
        # What sites do with an upgrade, and what other checks judge.
        ("oslo_messaging_rabbit", "rabbit_quorum_queue", "note"),
        ("oslo_messaging_notifications", "transport_url", "note"),
        ("oslo_policy", "enforce_scope", "note"),
        ("DEFAULT", "debug", "note"),
        ("DEFAULT", "num_engine_workers", "note"),
        ("DEFAULT", "default_log_levels", "note"),
        ("DEFAULT", "log_rotate_interval", "note"),
        ("site_thing", "size", "note"),
        *(("DEFAULT", name, None) for name in ("transport_url", "host", "log_file", "log_dir")),
        ("database", "connection", None),
        ("paste_deploy", "api_paste_config", None),
    ],
)
def test_whatever_current_sets_has_its_level(group: str, name: str, level: str | None) -> None:
    assert kept(group, name).level == level


def test_differences_that_break_nothing_are_one_note() -> None:
    pairs = [
        Compared("DEFAULT", name, False, _value("a"), Value(True, True, False, text, False))
        for name, text in (("debug", "False"), ("num_engine_workers", "4"), ("host", "b"))
    ]
    gate = judge(
        check_at("config.continuity", "installed"), "installed", options=_continuity(*pairs)
    )
    (found,) = gate.findings
    assert (found.level, found.object) == ("note", "other options")
    assert found.summary == (
        "2 options that the current release sets are not the same for the target: [DEFAULT] debug, "
        "[DEFAULT] num_engine_workers"
    )
    assert found.data["options"]["[DEFAULT] debug"] == {
        "current": "a",
        "target": "False by default",
    }


@pytest.mark.parametrize(("other", "level"), [("R2", "blocker"), ("", "warning")])
def test_a_region_that_is_named_by_one_release_alone_may_be_the_only_one(
    other: str, level: str
) -> None:
    unset = Value(True, True, False, "nothing", empty=True)
    name = "region_name_for_services"
    pair = Compared("DEFAULT", name, False, _value("R1"), _value(other) if other else unset)
    gate = judge(check_at("config.continuity", "installed"), "installed", options=_continuity(pair))
    assert [each.level for each in gate.findings] == [level]


def test_a_value_that_its_release_refuses_is_unknown() -> None:
    pair = Compared(
        "DEFAULT", "convergence_engine", False, _value("True"), _value(None, readable=False)
    )
    gate = judge(check_at("config.continuity", "vhost"), "vhost", options=_continuity(pair))
    assert not gate.findings
    assert "of the target release has a value that its code refuses" in gate.unknowns[0]


def test_databases_that_cannot_be_compared_are_unknown() -> None:
    database = DatabaseComparison("mysql://a/heat", "mysql://b/heat", "unknown", "no answer")
    gate = judge(
        check_at("config.continuity", "vhost"), "vhost", options=_continuity(database=database)
    )
    assert gate.unknowns[0].endswith("could not be told: no answer")


def test_one_configuration_cannot_be_compared() -> None:
    options = _options(missing=("current.python", "current.config"))
    for check, phase in (
        (check_at("config.continuity", "installed"), "installed"),
        (check_at("config.continuity", "vhost"), "vhost"),
    ):
        gate = judge(check, phase, options=options)
        assert gate.unknowns == [
            "the configurations of both releases cannot be compared; add current.python and "
            "current.config to the plan"
        ]


# --- config.credentials-decrypt


def test_rows_lost_before_and_now_are_told_apart() -> None:
    sample = Sample("user_creds", "trust_id", 9, 4, (9, 7, 5), (), (5,))
    gate = judge(CREDENTIALS, "installed", credentials=Credentials("target", "/p", (sample,)))
    assert [(each.level, each.summary.split(";")[0]) for each in gate.findings] == [
        ("blocker", "2 of 4 rows cannot be decrypted by the target release"),
        ("warning", "1 of 4 rows cannot be decrypted by either release"),
    ]


# --- config.policy and config.ec2-token


def _policies(**more: Any) -> Policies:
    on = Enforcement(scope=True, new_defaults=True)
    facts: dict[str, Any] = {
        "wanted": "policy.yaml",
        "path": "/etc/heat/policy.yaml",
        "unread": "",
        "is_json": False,
        "unreadable": "",
        "rules": 3,
        "unknown": (),
        "lost": (),
        "undefined": (),
        "broken": (),
        "redundant": (),
        "left_out": (),
        "target": on,
        "current": on,
    }
    return Policies(**facts | more)


def test_a_rule_that_the_target_dropped_is_told_from_one_that_never_was() -> None:
    policies = _policies(unknown=("stacks:old", "stacks:typo"), lost=("stacks:old",))
    gate = judge(
        check_at("config.policy", "installed"), "installed", policies=policies, cfn_signals=UNUSED
    )
    assert [(each.level, each.data["rules"]) for each in gate.findings] == [
        ("warning", ["stacks:old"]),
        ("warning", ["stacks:typo"]),
    ]


def test_new_defaults_may_be_new_where_the_current_release_is_not_known() -> None:
    gate = judge(
        check_at("config.policy", "installed"),
        "installed",
        policies=_policies(current=None),
        cfn_signals=UNUSED,
    )
    (found,) = gate.findings
    assert found.level == "warning"
    assert found.summary.startswith("is on for the target: ")


def test_nobody_is_known_to_use_the_cfn_api() -> None:
    with pytest.raises(NotConfigured, match="is not known here"):
        check_at("config.ec2-token", "installed")(
            options=_options(), cfn_signals=UNUSED, gate=hand(plan(), "installed")
        )
