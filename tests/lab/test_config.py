"""Configurations as the code of real Heats takes them."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from heat_upgrade_checks.evidence.code.interpreter import SERVICES, Interpreter
from heat_upgrade_checks.evidence.configuration import options
from heat_upgrade_checks.evidence.stacks.cfn_signals import CfnSignals
from tests.lab import configuration, venvs
from tests.lab.credentials import Credentials
from tests.lab.upgraded_configuration import BASE, UNUSED, USED, Make, Upgrade, loud, told

ANY = dict[str, Any]
_LOADING = ("models.py", "sqlite")


# --- the lab's own configuration


@pytest.mark.parametrize(
    "releases", [range(24, 28), pytest.param(range(19, 25), marks=pytest.mark.nightly)]
)
def test_an_honest_configuration_raises_no_alarm(
    releases: range, tmp_path: Path, interpreters: Callable[[int], Interpreter]
) -> None:
    # Loading what the services load is what takes time: two releases at once.
    with ThreadPoolExecutor(2) as pool:
        list(
            pool.map(
                lambda each: interpreters(each).ask(ANY, *_LOADING, imports=SERVICES), releases
            )
        )
    credentials = Credentials()
    around = configuration.Surroundings(
        "sqlite:////nowhere/heat.sqlite", "http://127.0.0.1:5000/v3", credentials
    )
    found: dict[tuple[int, int], list[tuple[str, str]]] = {}
    for current, target in pairwise(releases):
        made = Upgrade(tmp_path / f"{current}", interpreters, current, target)
        for side, release in made.releases.items():
            url = f"rabbit://heat:{credentials.broker}@127.0.0.1/{side}"
            configuration.write(made.conf(side).parent, release, "host", url, around, {})
        facts = options.observe(made.site)
        gates = (
            made.valid(facts),
            made.continuity(facts=facts),
            made.continuity("vhost", facts),
            made.policy(),
        )
        assert not any(gate.unknowns for gate in gates)
        assert not any(each.level == "note" for gate in gates[:2] for each in gate.findings)
        found[current, target] = [each for gate in gates for each in loud(gate)]
    # What is left is true of every site that leaves these options alone.
    of_every_site = {
        (21, 22): [
            ("warning", "[oslo_policy] enforce_new_defaults"),
            ("warning", "[oslo_policy] enforce_scope"),
        ],
        (22, 23): [("warning", "[DEFAULT] hidden_stack_tags")],
    }
    assert found == {pair: of_every_site.get(pair, []) for pair in pairwise(releases)}


# --- config.valid


def test_what_was_probably_meant(upgrade: Make) -> None:
    more = (
        "[DEFAULT]\nnum_engine_worker = 4\nmax_pool_size = 9\nssl_ca_file = /ca\nbogus = 1\n"
        "[oslo_messaging_rabit]\nssl_ca_file = /ca\n[clients_keyston]\nauth_url = http://k\n"
    )
    findings = upgrade(25, 26, more).valid().findings
    hints = {each.object: each.hint.partition(":")[0] for each in findings if each.hint}
    assert hints | {"file api-paste.ini": ""} == {
        "[DEFAULT] num_engine_worker": "[DEFAULT] num_engine_workers may be meant",
        "[DEFAULT] max_pool_size": "[database] max_pool_size may be meant",
        "[DEFAULT] ssl_ca_file": "[oslo_messaging_rabbit] ssl_ca_file may be meant",
        "[DEFAULT] bogus": "Correct its spelling or its section, or remove it.",
        "[oslo_messaging_rabit] ssl_ca_file": "[oslo_messaging_rabbit] ssl_ca_file may be meant",
        "[clients_keyston] auth_url": "[clients_keystone] auth_uri may be meant",
        "file api-paste.ini": "",
    }


def test_what_went_with_the_api_server(upgrade: Make) -> None:
    more = "[heat_api]\nbind_host = 10.0.0.1\n[eventlet_opts]\nclient_socket_timeout = 900\n"
    made = upgrade(24, 25, more)
    gate = made.valid()
    found = told(gate, "[heat_api] bind_host")
    line = BASE.count("\n") + 2
    assert found.level == "warning"
    assert found.summary == (
        "is unknown to the target release, which ignores it in silence; the current release knows "
        f"it; {made.conf('target')}, line {line}"
    )
    assert "uWSGI" in found.hint
    assert told(gate, "[eventlet_opts] client_socket_timeout").level == "warning"
    assert not loud(upgrade(23, 24, more).valid())


def test_options_that_27_took_away(upgrade: Make) -> None:
    more = (
        "[DEFAULT]\nstack_user_domain = 8f0a\n[ec2authtoken]\nauth_uri = http://k:5000/v3\n"
        "ca_file = /ca\n[clients_vitrage]\ninsecure = true\n"
    )
    assert {each.object: each.level for each in upgrade(26, 27, more).valid().findings} == {
        "[DEFAULT] stack_user_domain": "blocker",
        "[ec2authtoken] auth_uri": "warning",
        "[ec2authtoken] ca_file": "warning",
        "[clients_vitrage] insecure": "warning",
        "file api-paste.ini": "note",
    }
    before = upgrade(25, 26, more).valid()
    assert told(before, "[ec2authtoken] auth_uri").level == "warning"
    assert "gone in the release after this one" in told(before, "[ec2authtoken] auth_uri").summary
    renamed = told(before, "[DEFAULT] stack_user_domain")
    assert renamed.level == "warning"
    assert renamed.hint == "Set [DEFAULT] stack_user_domain_id instead."


def test_a_connection_that_falls_back_to_plain_text(upgrade: Make) -> None:
    more = "[oslo_messaging_rabbit]\nrabbit_use_ssl = true\nkombu_ssl_ca_certs = /ca.pem\n"
    gate = upgrade(23, 24, more).valid()
    found = told(gate, "[oslo_messaging_rabbit] rabbit_use_ssl")
    assert found.level == "blocker"
    assert "no longer encrypted" in found.summary
    assert told(gate, "[oslo_messaging_rabbit] kombu_ssl_ca_certs").level == "blocker"
    former = told(upgrade(22, 23, more).valid(), "[oslo_messaging_rabbit] rabbit_use_ssl")
    assert (former.level, former.hint) == ("note", "Set [oslo_messaging_rabbit] ssl instead.")


def test_values_that_the_target_refuses(upgrade: Make) -> None:
    more = (
        "[DEFAULT]\nmax_stacks_per_tenant = canary-many\nnum_engine_workers = -1\n"
        "[trustee]\nauth_type = canary-plugin\n"
        "[clients]\nendpoint_type = $canary_of_nothing\n"
    )
    gate = upgrade(26, 27, more).valid()
    assert {each.object: each.summary.split(";")[0] for each in gate.findings if loud(gate)} == {
        "[DEFAULT] max_stacks_per_tenant": "is not a whole number",
        "[DEFAULT] num_engine_workers": "is not a whole number from 1",
        "[trustee] auth_type": "names an authentication plugin that is not installed",
        "[trustee]": "is refused by keystoneauth: NoMatchingPlugin",
        "[clients] endpoint_type": "refers with $ to an option that this release does not know",
        "file api-paste.ini": "was not found here",
    }
    assert {each.level for each in gate.findings} == {"blocker", "note"}
    assert "canary" not in json.dumps([each.summary + each.hint for each in gate.findings])


TRUSTEE = BASE[BASE.index("[trustee]") :]


@pytest.mark.parametrize("releases", [(23, 24), (26, 27)])
@pytest.mark.parametrize(
    ("trustee", "said"),
    [
        ("", "names no auth_type; "),
        (TRUSTEE.replace("auth_type = password\n", ""), "names no auth_type; "),
        (f"{TRUSTEE}project_name = service\n", "cannot be scoped to multiple targets"),
        (f"{TRUSTEE}domain_name = Default\n", "cannot be scoped to multiple targets"),
        (TRUSTEE.replace("auth_url = http://k:5000/v3\n", ""), "(Auth plugin requires parameters"),
        (TRUSTEE, None),
        (TRUSTEE.replace("= password\n", "= v3password\n"), None),
        (TRUSTEE.replace("user_domain_name", "default_domain_name"), None),
        (
            "[trustee]\nauth_section = keystone_authtoken\n"
            + TRUSTEE.replace("[trustee]", "[keystone_authtoken]"),
            None,
        ),
        # Heat uses no trusts.
        ("[DEFAULT]\ndeferred_auth_method = password\n", None),
    ],
)
def test_an_account_that_trusts_can_be_given_to(
    upgrade: Make, releases: tuple[int, int], trustee: str, said: str | None
) -> None:
    made = upgrade(*releases)
    made.write("target", BASE.replace(TRUSTEE, trustee))
    found = [each for each in made.valid().findings if each.object == "[trustee]"]
    assert [each.level for each in found] == (["blocker"] if said else [])
    assert all(said in each.summary for each in found if said)
    fresh = upgrade(*releases)
    for side in ("current", "target"):
        fresh.write(side, BASE.replace(TRUSTEE, trustee))
    found = [each for each in fresh.valid().findings if each.object == "[trustee]"]
    assert [each.level for each in found] == (["warning"] if said else [])


def test_dynamic_sections_and_credentials_are_known(upgrade: Make) -> None:
    account = (
        "auth_type = password\nauth_url = http://k:5000/v3\nusername = heat\n"
        "user_domain_name = Default\n"
    )
    more = (
        f"[trustee]\n{account}[keystone_authtoken]\n{account}cafile = /ca\n"
        f"[ec2authtoken]\n{account}multi_cloud = true\nclouds = one, two\n"
        f"[ec2authtoken.one]\n{account}[ec2authtoken.two]\nauth_section = keystone_authtoken\n"
        "pasword = x\n"
    )
    assert loud(upgrade(26, 27, more).valid()) == [("warning", "[ec2authtoken.two] pasword")]


PLUGIN = """
from oslo_config import cfg
from heat.engine import resource

cfg.CONF.register_opts([cfg.IntOpt("size", min=1)], group="site_thing")

class Thing(resource.Resource):
    pass

def resource_mapping():
    return {"Site::Thing": Thing}
"""


def test_options_of_a_plugin_are_known(upgrade: Make, tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "thing.py").write_text(PLUGIN, "utf-8")
    both = f"[DEFAULT]\nplugin_dirs = {tmp_path / 'plugins'}\n[site_thing]\n"
    gate = upgrade(25, 26, "sise = 3\n", both=f"{both}size = 2\n").valid()
    assert loud(gate) == [("warning", "[site_thing] sise")]
    assert "known to neither release" in told(gate, "[site_thing] sise").summary
    refused = upgrade(25, 26, both=f"{both}size = none\n").valid()
    assert loud(refused) == [("blocker", "[site_thing] size")]


def test_every_way_to_set_an_option(upgrade: Make, tmp_path: Path) -> None:
    made = upgrade(25, 26, "[DEFAULT]\nboth = 1\nmax_resources_per_stack = many\n")
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "50.conf").write_text(
        "[DEFAULT]\nmax_resources_per_stack = 7\nmax_resources_per_stack = $tenfold\nboth = 2\n"
        "# nothing\nenvironment_dir = /a\n    b\nin_a_folder = 1\n[database]\nmax_retries = x\n",
        "utf-8",
    )
    (tmp_path / "heat.env").write_text(
        "# services\nOS_DATABASE__MAX_RETRIES=3\nOS_DEFAULT__FROM_ENVIRONMENT='a b'\n", "utf-8"
    )
    made.plan["target"]["config_dirs"] = [str(folder)]
    made.plan["target"]["environment_files"] = [str(tmp_path / "heat.env")]
    gate = made.valid()
    assert {each.object: each.summary.rpartition("; ")[2] for each in gate.findings[:-1]} == {
        "[DEFAULT] both": f"{folder / '50.conf'}, line 4",
        "[DEFAULT] max_resources_per_stack": f"{folder / '50.conf'}, line 3",
        "[DEFAULT] in_a_folder": f"{folder / '50.conf'}, line 8",
        "[DEFAULT] from_environment": f"{tmp_path / 'heat.env'}, line 3",
    }


def _paste(release: int) -> str:
    shipped = venvs.interpreter(release).parent.parent / "etc" / "heat" / "api-paste.ini"
    return shipped.read_text("utf-8")


@pytest.mark.parametrize(
    ("of", "changed", "level", "said"),
    [
        (25, ("", ""), None, ""),
        (24, ("", ""), "warning", "it makes heat-api of heat-api, heat-api-cfn of"),
        (19, ("", ""), "warning", "it lacks api of heat-api, api-cfn of heat-api-cfn and makes"),
        (
            25,
            ("authtoken context osprofiler", "context osprofiler"),
            "warning",
            "it lacks authtoken of heat-api",
        ),
        (25, ("heat.common.auth_url:", "heat.common.gone:"), "blocker", "of heat.common.gone"),
        (25, ("heat.api.openstack.v1:API", "heat.api.openstack.v0:API"), "blocker", "v0; the API"),
        (25, ("[filter:cors]", "[filter:crs]"), "blocker", "is named there, but cannot be found"),
        (25, ("default = cors", "other = cors"), "blocker", "has no pipeline for the flavor"),
    ],
)
def test_api_paste(
    upgrade: Make, tmp_path: Path, of: int, changed: tuple[str, str], level: str | None, said: str
) -> None:
    (tmp_path / "api-paste.ini").write_text(_paste(of).replace(*changed, 1), "utf-8")
    gate = upgrade(24, 25, f"[paste_deploy]\napi_paste_config = {tmp_path}/api-paste.ini\n").valid()
    assert [each.level for each in gate.findings] == ([level] if level else [])
    assert all(said in each.summary for each in gate.findings)


# --- config.policy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"stacks:index": "role:reader"\n', []),
        ('"stacks:index": "rule:mine"\n"mine": "role:x"\n', []),
        ('"stacks:gone": "role:x"\n', [("warning", "of no release")]),
        ('"stacks:index": "role:x or"\n', [("blocker", "cannot be parsed")]),
        ('"stacks:index": "rule:nowhere"\n', [("blocker", "defined nowhere")]),
        ('"stacks:index": ["\n', [("blocker", "in line 2")]),
        ('{"stacks:index": "role:x"}', [("warning", "is JSON")]),
        (
            '"service:index": "role:admin and project_id:%(project_id)s"\n',
            [("note", "say what the target release says by itself")],
        ),
    ],
)
def test_policy_files(upgrade: Make, text: str, expected: list[tuple[str, str]]) -> None:
    made = upgrade(25, 26)
    made.conf("target").with_name("policy.yaml").write_text(text, "utf-8")
    findings = made.policy().findings
    assert [each.level for each in findings] == [level for level, _ in expected]
    assert all(said in each.summary for each, (_, said) in zip(findings, expected, strict=True))


def test_a_policy_file_that_is_no_longer_found(upgrade: Make) -> None:
    made = upgrade(26, 27)
    for side in ("current", "target"):
        path = made.conf(side).with_name("policy.json")
        path.write_text('{"stacks:index": "role:x"}', "utf-8")
    (blocker,) = made.policy().findings
    assert (blocker.level, "is not read" in blocker.summary) == ("blocker", True)
    assert blocker.commands[0][-1].endswith("policy.yaml")


def test_overrides_that_only_current_has(upgrade: Make) -> None:
    made = upgrade(25, 26)
    rules = {"stacks:global_index": "role:auditor", "stacks:index": "role:x", "stacks:gone": "@"}
    text = "".join(f'"{name}": "{rule}"\n' for name, rule in rules.items())
    # Just what the target says by itself.
    text += '"service:index": "role:admin and project_id:%(project_id)s"\n'
    made.conf("current").with_name("policy.yaml").write_text(text, "utf-8")
    (warning,) = made.policy().findings
    assert (warning.level, warning.object) == ("warning", "policy files")
    assert warning.summary.startswith("2 rules (stacks:global_index, stacks:index) are overridden")
    assert "auditor" not in warning.summary

    made = upgrade(25, 26)
    made.conf("current").with_name("policy.yaml").write_text(text, "utf-8")
    path = made.conf("target").with_name("policy.yaml")
    path.write_text('"stacks:global_index": "role:other"\n', "utf-8")
    (warning,) = made.policy().findings
    assert warning.data["rules"] == ["stacks:index"]

    made = upgrade(25, 26)
    for side in ("current", "target"):
        same = text.replace('"stacks:gone": "@"\n', "")
        made.conf(side).with_name("policy.yaml").write_text(same, "utf-8")
    assert not loud(made.policy())


def test_new_defaults_take_rights_away(upgrade: Make) -> None:
    gate = upgrade(21, 22).policy(USED)
    assert "2 live stacks use heat-api-cfn" in gate.findings[0].summary
    kept = "[oslo_policy]\nenforce_new_defaults = false\nenforce_scope = false\n"
    assert not upgrade(21, 22, kept).policy(USED).findings


# --- config.ec2-token

AUTH_URI = "[ec2authtoken]\nauth_uri = http://k:5000/v3\n"

ACCOUNT = (
    "[ec2authtoken]\nauth_type = password\nauth_url = http://k:5000/v3\nusername = heat\n"
    "password = canary-of-heat\n"
)


@pytest.mark.parametrize(
    ("target", "more", "signals", "expected"),
    [
        (27, AUTH_URI, USED, "blocker"),
        (27, AUTH_URI, UNUSED, "warning"),
        (27, "", USED, "blocker"),
        (26, AUTH_URI, USED, "warning"),
        (26, ACCOUNT, USED, None),
        (27, ACCOUNT, USED, None),
        (27, ACCOUNT.replace("username = heat\n", ""), USED, "blocker"),
        (27, "[ec2authtoken]\nmulti_cloud = true\nclouds = a\n", USED, "blocker"),
        (
            27,
            ACCOUNT.replace("en]", "en.a]") + "[ec2authtoken]\nmulti_cloud = on\nclouds = a\n",
            USED,
            None,
        ),
        (23, AUTH_URI, USED, None),
    ],
)
def test_credentials_of_the_cfn_api(
    upgrade: Make, target: int, more: str, signals: CfnSignals, expected: str | None
) -> None:
    gate = upgrade(target - 1, target, more).ec2_token(signals)
    assert [each.level for each in gate.findings] == ([expected] if expected else [])


def test_the_cfn_api_gets_an_account(upgrade: Make) -> None:
    assert loud(upgrade(26, 27).ec2_token(USED)) == [("blocker", "[ec2authtoken]")]
    assert loud(upgrade(26, 27, ACCOUNT).ec2_token(USED)) == []
