"""A plan whose broker.isolation is not what both configurations say opens no gate."""

import yaml

from tests.driver import Outcome
from tests.plugin.conftest import Site


def _lies(site: Site, phase: str) -> Outcome:
    plan = yaml.safe_load(site.demo.plan_file.read_text("utf-8"))
    site.edit_plan(broker=plan["broker"] | {"isolation": "shared"})
    return site.judge(phase)


def test_a_plan_that_calls_two_vhosts_shared_does_not_open_vhost(site: Site) -> None:
    site.demo.database.migrate()
    site.demo.run(site.demo.old, vhosts=["heat-n", "heat-n1"])
    outcome = _lies(site, "vhost")
    assert outcome.code == 3, outcome.out
    asked_for_nothing = outcome.outcomes("not-applicable")
    for id in (
        "vhost.isolated",
        "vhost.exists",
        "vhost.permissions",
        "vhost.policies",
        "vhost.queue-arguments",
        "vhost.rpc-compatible",
        "stacks.legacy-in-progress",
    ):
        assert id not in asked_for_nothing
        assert "set broker.isolation: vhost in the plan" in outcome.check(id)["reason"]


def test_nor_does_it_open_installed(site: Site) -> None:
    outcome = _lies(site, "installed")
    assert outcome.code == 2, outcome.out
    assert outcome.check("vhost.rpc-compatible")["outcome"] == "failed"


def test_a_target_with_the_current_configuration_does_not_open_installed(site: Site) -> None:
    plan = yaml.safe_load(site.demo.plan_file.read_text("utf-8"))
    site.edit_plan(target=plan["target"] | {"config": plan["current"]["config"]})
    outcome = site.judge("installed")
    assert outcome.code == 2, outcome.out
    (finding,) = outcome.check("vhost.rpc-compatible")["findings"]
    assert "target.config names the current release's configuration" in finding["summary"]
