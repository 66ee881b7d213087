"""Heat's own accounts at a real Keystone: as they are configured, and wrong in one thing each."""

from collections.abc import Callable
from pathlib import Path

import pytest

from heat_upgrade_checks.errors import NotConfigured
from heat_upgrade_checks.evidence.accounts import logins
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates.judgement import Judgement
from tests.judging import check_at, judge, plan
from tests.lab.keystone import Keystone
from tests.services.processes import free_port

Judged = Callable[..., Judgement]


@pytest.fixture
def site(keystone: Keystone, tmp_path: Path) -> Callable[..., Site]:
    """Makes a site with Heat's configuration, in which options are replaced or taken away."""

    def make(**changes: str | None) -> Site:
        url = keystone.url
        account = {
            "auth_type": "password",
            "auth_url": url,
            "username": "heat",
            "password": keystone.credentials.service,
            "user_domain_name": "Default",
        }
        scope = {"project_name": "service", "project_domain_name": "Default"}
        groups: dict[str, dict[str, str]] = {
            "DEFAULT": {
                "stack_user_domain_name": "heat",
                "stack_domain_admin": "heat_domain_admin",
                "stack_domain_admin_password": keystone.credentials.stack_domain,
            },
            "clients_keystone": {"auth_uri": url},
            "keystone_authtoken": {**account, **scope},
            "trustee": dict(account),
        }
        for name, value in changes.items():
            group, _, option = name.rpartition("__")
            if value is None:
                groups[group or "DEFAULT"].pop(option, None)
            else:
                groups[group or "DEFAULT"][option] = value
        lines = [
            line
            for group, options in groups.items()
            for line in (f"[{group}]", *(f"{name} = {value}" for name, value in options.items()))
        ]
        path = tmp_path / "heat.conf"
        path.write_text("\n".join(lines), "utf-8")
        side = {"version": "25.0.2", "config": [str(path)]}
        return Site(plan(current=side, target=side | {"version": "26.0.2"}), tmp_path)

    return make


@pytest.fixture
def judged(site: Callable[..., Site]) -> Judged:
    def gate(**changes: str | None) -> Judgement:
        return _judge(site(**changes))

    return gate


def _judge(site: Site) -> Judgement:
    facts = logins.observe(site)
    return judge(check_at("accounts.log-in", "pre"), "pre", accounts=facts)


def _only(gate: Judgement) -> str:
    assert not gate.unknowns
    (finding,) = gate.findings
    return f"{finding.object}: {finding.summary}"


def test_the_accounts_of_a_heat_that_works(judged: Judged) -> None:
    gate = judged()
    assert not gate.findings
    assert not gate.unknowns
    assert gate.extent.startswith("3 accounts of heat.conf, 3 of them with a token")


def test_an_unversioned_url_leads_to_the_same(keystone: Keystone, judged: Judged) -> None:
    root = keystone.url.removesuffix("/v3")
    gate = judged(
        clients_keystone__auth_uri=root, keystone_authtoken__auth_url=root, trustee__auth_url=root
    )
    assert not gate.findings
    assert not gate.unknowns


def test_an_account_may_stand_in_another_section(judged: Judged) -> None:
    gate = judged(keystone_authtoken__auth_section="trustee", keystone_authtoken__password="wrong")
    # Heat's service user has no role without a project.
    assert "does not let it validate" in _only(gate)


def test_a_wrong_password_of_the_domain_s_administrator(site: Callable[..., Site]) -> None:
    made = site(stack_domain_admin_password="canary-wrong-password")
    said = _only(_judge(made))
    assert said == (
        "[DEFAULT] stack_domain_admin of the current and target release: "
        "user heat_domain_admin is refused by Keystone (401)"
    )
    # Not tried again, whatever Keystone says now.
    (key,) = made.refused_logins
    made.refused_logins[key] = "was refused before"
    assert "was refused before" in _only(_judge(made))


@pytest.mark.parametrize("section", ["keystone_authtoken", "trustee"])
def test_a_wrong_password_of_a_service(section: str, judged: Judged) -> None:
    said = _only(judged(**{f"{section}__password": "canary-wrong-password"}))
    assert said.startswith(f"[{section}] of the current and target release: user heat ")
    assert "canary" not in said


def test_a_domain_s_administrator_without_the_role(keystone: Keystone, judged: Judged) -> None:
    domain = keystone._find("domains", "heat")
    user = keystone._call("GET", f"users?domain_id={domain}&name=heat_domain_admin")
    user_id = user["users"][0]["id"]
    place = f"domains/{domain}/users/{user_id}/roles"
    admin, member = keystone._find("roles", "admin"), keystone._find("roles", "member")
    keystone._call("PUT", f"{place}/{member}")
    keystone._call("DELETE", f"{place}/{admin}")
    try:
        gate = judged()
    finally:
        keystone._call("PUT", f"{place}/{admin}")
        keystone._call("DELETE", f"{place}/{member}")
    assert "has no role admin in domain heat" in _only(gate)
    assert gate.findings[0].commands[0][:5] == ("openstack", "role", "add", "--domain", "heat")


def test_a_trustee_with_a_project(judged: Judged) -> None:
    said = _only(judged(trustee__project_name="service", trustee__project_domain_name="Default"))
    assert "a trust brings its own" in said


def test_what_cannot_be_asked_is_told(judged: Judged) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/v3"
    gate = judged(trustee__auth_url=nobody, keystone_authtoken__auth_type="v3kerberos")
    assert not gate.findings
    unread, silent = gate.unknowns
    assert "has auth_type v3kerberos" in unread
    assert f"Keystone at {nobody} gives no answer" in silent


def test_a_configuration_without_accounts_has_none(tmp_path: Path) -> None:
    path = tmp_path / "heat.conf"
    path.write_text("[database]\nconnection = sqlite://\n", "utf-8")
    side = {"version": "25.0.2", "config": [str(path)]}
    with pytest.raises(NotConfigured, match="has an account at Keystone"):
        logins.observe(Site(plan(current=side), tmp_path))
