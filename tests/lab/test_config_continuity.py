"""What must stay as it is from one configuration to the other, as real Heats take them."""

import threading
from base64 import b64encode
from hashlib import md5, sha1, sha256
from itertools import chain
from pathlib import Path

import pytest
import yaml

from heat_upgrade_checks.evidence.configuration import options
from heat_upgrade_checks.gates.judgement import Judgement
from tests.driver import Outcome, call, timeless
from tests.lab.upgraded_configuration import BASE, KEY, OTHER, PUBLIC_KEY, Make, Upgrade, loud, told
from tests.services.heat_databases import HeatDatabase

# --- config.continuity


def test_nothing_changed(upgrade: Make) -> None:
    gate = upgrade(25, 26, both="[DEFAULT]\nstack_user_domain_id = 8f\n").continuity()
    assert not gate.findings
    assert not gate.unknowns


def test_what_must_stay_is_compared(upgrade: Make) -> None:
    made = upgrade(
        25,
        26,
        f"[DEFAULT]\nauth_encryption_key = {OTHER}\nconvergence_engine = false\n"
        "stack_user_domain_id = $region_name_for_services\nregion_name_for_services = R1\n"
        "stack_domain_admin_password = canary-of-the-domain\nplugin_dirs = /new\n"
        "[trustee]\nauth_type = password\nusername = other\n",
    )
    gate = made.continuity()
    assert {each.object: each.level for each in gate.findings} == {
        "[DEFAULT] auth_encryption_key": "blocker",
        "[DEFAULT] convergence_engine": "blocker",
        "[DEFAULT] stack_user_domain_id": "blocker",
        "[DEFAULT] stack_domain_admin_password": "warning",
        "[DEFAULT] region_name_for_services": "warning",  # by one release alone
        "[DEFAULT] plugin_dirs": "note",
        "[trustee] username": "blocker",
    }
    assert told(gate, "[DEFAULT] convergence_engine").summary == (
        "is False for the target, and True by default for current: new stacks are made by the "
        "other engine"
    )
    assert told(gate, "[DEFAULT] auth_encryption_key").summary.startswith("differs between")
    assert len(made.continuity("vhost").findings) == 6


def test_an_option_that_lost_its_former_name_lost_its_value(upgrade: Make) -> None:
    both = "[DEFAULT]\nstack_user_domain = 8f0a\n"
    gate = upgrade(26, 27, both=both).continuity()
    assert loud(gate) == [("blocker", "[DEFAULT] stack_user_domain_id")]
    assert "is nothing by default for the target, and 8f0a for current" in gate.findings[0].summary
    assert not loud(upgrade(25, 26, both=both).continuity())


LEFT_OUT = """\
[DEFAULT]
max_resources_per_stack = -1
stack_action_timeout = 7200
debug = true
log_file = /var/log/heat/old.log
plugin_dirs = {plugins}
[clients]
ca_file = /etc/ssl/ca.pem
endpoint_type = internalURL
[oslo_messaging_rabbit]
rabbit_quorum_queue = true
ssl = true
[oslo_middleware]
enable_proxy_headers_parsing = true
[database]
max_pool_size = 33
use_db_reconnect = true
[site_thing]
pass_phrase = canary-of-a-plugin
"""
PLUGIN = """
from oslo_config import cfg

cfg.CONF.register_opts([cfg.StrOpt("pass_phrase")], group="site_thing")

def resource_mapping():
    return {}
"""


def test_whatever_current_sets_and_the_target_leaves_out(upgrade: Make, tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "thing.py").write_text(PLUGIN, "utf-8")
    text = LEFT_OUT.format(plugins=plugins)
    made = upgrade(25, 26, f"[DEFAULT]\nplugin_dirs = {plugins}\n")
    made.write("current", BASE + text)
    gate = made.continuity()
    assert not gate.unknowns
    assert loud(gate) == [
        ("warning", name)
        for name in (
            "[DEFAULT] max_resources_per_stack",
            "[DEFAULT] stack_action_timeout",
            "[clients] ca_file",
            "[clients] endpoint_type",
            "[database] max_pool_size",
            "[oslo_messaging_rabbit] ssl",
            "[oslo_middleware] enable_proxy_headers_parsing",
        )
    ]
    assert told(gate, "[clients] ca_file").summary.startswith(
        "is nothing by default for the target, and /etc/ssl/ca.pem for current: connections are "
    )
    rest = told(gate, "other options").data["options"]
    assert list(rest) == [
        "[DEFAULT] debug",
        "[database] use_db_reconnect",
        "[site_thing] pass_phrase",
    ]
    assert rest["[site_thing] pass_phrase"] == {"current": "not shown", "target": "not shown"}
    # The same by whichever of its words it is set.
    spelled = text.replace("internalURL", "internal").replace("= true", "= on")
    made.write("target", BASE + spelled)
    assert not upgrade(25, 26, both=text).continuity().findings
    assert not made.continuity().findings


def test_an_option_is_followed_to_its_new_name(upgrade: Make) -> None:
    made = upgrade(26, 27, "[DEFAULT]\nstack_user_domain_id = 8f0a\n")
    made.write("current", BASE + "[DEFAULT]\nstack_user_domain = 8f0a\n")
    assert not loud(made.continuity())
    former, today = "kombu_reconnect_timeout", "kombu_missing_consumer_retry_timeout"
    made = upgrade(25, 26, f"[oslo_messaging_rabbit]\n{today} = 33\n")
    made.write("current", f"{BASE}[oslo_messaging_rabbit]\n{former} = 33\n")
    assert not loud(made.continuity())
    made = upgrade(25, 26)
    made.write("current", f"{BASE}[oslo_messaging_rabbit]\n{former} = 33\n")
    assert loud(made.continuity()) == [("warning", f"[oslo_messaging_rabbit] {today}")]


def test_a_default_that_changed_counts(upgrade: Make) -> None:
    gate = upgrade(22, 23).continuity()
    assert loud(gate) == [("warning", "[DEFAULT] hidden_stack_tags")]
    assert not upgrade(22, 23).continuity("vhost").findings


@pytest.mark.parametrize(
    ("current", "target", "expected"),
    [
        (KEY, "short", {"blocker": ["differs", "has 5 characters"]}),
        (KEY[:16], KEY[:16], {"note": ["has 16 characters"]}),
        (PUBLIC_KEY, PUBLIC_KEY, {"warning": ["is Heat's default, which is public"]}),
        (KEY, PUBLIC_KEY, {"blocker": ["differs", "is Heat's public default for the target"]}),
        (PUBLIC_KEY, KEY, {"blocker": ["differs", "is Heat's public default for the current"]}),
    ],
)
def test_the_encryption_key(
    upgrade: Make, current: str, target: str, expected: dict[str, list[str]]
) -> None:
    made = upgrade(25, 26)
    made.write("current", BASE.replace(KEY, current))
    made.write("target", BASE.replace(KEY, target))
    found: dict[str, list[str]] = {}
    for each in made.continuity().findings:
        found.setdefault(each.level, []).append(each.summary)
    assert found.keys() == expected.keys()
    for level, starts in expected.items():
        assert all(said.startswith(start) for said, start in zip(found[level], starts, strict=True))


def test_one_domain_named_in_two_ways(upgrade: Make) -> None:
    made = upgrade(25, 26, "[DEFAULT]\nstack_user_domain_name = heat\n")
    made.write("current", BASE + "[DEFAULT]\nstack_user_domain_id = 8f0a\n")
    assert loud(made.continuity()) == [("warning", "domain of the stack users")]


def test_two_addresses_of_databases(upgrade: Make, tmp_path: Path) -> None:
    for name in ("one", "two"):
        HeatDatabase(f"sqlite:///{tmp_path}/{name}.sqlite", tmp_path / name).db_sync(25)
    one = HeatDatabase(f"sqlite:///{tmp_path}/one.sqlite", tmp_path / "one")
    one.fill()
    (tmp_path / "link.sqlite").symlink_to(tmp_path / "one.sqlite")
    made = upgrade(25, 26)

    def name_databases(current: str, target: str) -> Judgement:
        for side, file in (("current", current), ("target", target)):
            text = f"[DEFAULT]\nauth_encryption_key = {KEY}\n[database]\nconnection = "
            made.write(side, f"{text}sqlite:///{tmp_path}/{file}.sqlite\n")
        return made.continuity()

    assert not name_databases("one", "one").findings
    (note,) = name_databases("one", "link").findings
    assert (note.level, "same rows" in note.summary) == ("note", True)
    assert loud(name_databases("one", "two")) == [("blocker", "[database] connection")]
    (unknown,) = name_databases("one", "none").unknowns
    assert "could not be told" in unknown


# --- secrets


def _forms(secret: str) -> list[str]:
    raw = secret.encode()
    forms = [secret, b64encode(raw).decode(), raw.hex()]
    return forms + [digest(raw).hexdigest() for digest in (md5, sha1, sha256)]


def _gate(made: Upgrade, *only: str) -> Outcome:
    path = made.folder / "plan.yaml"
    path.write_text(yaml.safe_dump(made.plan), "utf-8")
    wanted = [word for id in only for word in ("--only", id)]
    reports = made.folder / "reports"
    return call(
        "--phase", "installed", *wanted, "--plan", path, "--reports", reports, cwd=made.folder
    )


def test_neither_key_nor_fingerprint_is_told(upgrade: Make) -> None:
    made = upgrade(25, 26)
    made.write("target", BASE.replace(KEY, OTHER))
    outcome = _gate(made, "config.continuity")
    assert outcome.code == 2, outcome.out + outcome.err
    (finding,) = outcome.check("config.continuity")["findings"]
    assert finding["object"] == "[DEFAULT] auth_encryption_key"
    for secret in (KEY, OTHER, "canary-of-the-broker", "canary-of-the-database"):
        assert not [form for form in _forms(secret) if form in outcome.written]
    replays = made.folder / "replays"
    again = call("--replay", outcome.folder, "--reports", replays, cwd=made.folder)
    assert timeless(again.gate) == timeless(outcome.gate)


_SHOWN = ("cmdline", "environ")


def test_no_process_shows_the_key(upgrade: Make) -> None:
    made, done = upgrade(25, 26), threading.Event()
    seen: list[bytes] = []

    def watch() -> None:
        while not done.is_set():
            for file in chain(*(Path("/proc").glob(f"[0-9]*/{name}") for name in _SHOWN)):
                try:
                    seen.append(file.read_bytes())
                except OSError:
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    options.observe(made.site)
    done.set()
    watcher.join()
    assert any(b"answers.serve" in text for text in seen)
    assert not any(KEY.encode() in text for text in seen)
