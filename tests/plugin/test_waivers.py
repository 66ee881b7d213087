"""Waivers as an operator uses them, on the embedded deployment."""

from datetime import date
from typing import Any

import pytest
import yaml

from heat_upgrade_checks.demo.deployment import NEW_VHOST, OLD_VHOST
from tests.driver import timeless
from tests.plugin.conftest import Site

ENTRY = {
    "id": "queues.empty",
    "object": "queue engine_worker",
    "reason": "A test of the night",
    "owner": "Ada Operator",
    "ticket": "CHG-1042",
    "expires": date(2099, 1, 1),
}


@pytest.fixture
def red(site: Site) -> Site:
    """Work is left in one old queue."""
    site.demo.run(
        [*site.demo.old, *site.demo.new],
        vhosts=[OLD_VHOST, NEW_VHOST],
        messages={f"{OLD_VHOST}/engine_worker": 3},
    )
    return site


def _waive(site: Site, *changes: dict[str, Any]) -> None:
    path = site.demo.plan_file.with_name("waivers.yaml")
    path.write_text(yaml.safe_dump([ENTRY | change for change in changes]), "utf-8")
    site.edit_plan(waivers="waivers.yaml")


def test_a_waived_blocker_opens_the_gate_with_warnings_and_stands_first(red: Site) -> None:
    assert red.judge("last-engine").code == 2
    _waive(red, {})
    outcome = red.judge("last-engine")
    assert outcome.code == 1
    check = outcome.check("queues.empty")
    assert check["outcome"] == "waived"
    assert check["findings"][0]["summary"] == "3 messages wait (0 unacknowledged)"
    (waiver,) = check["waivers"]
    assert (waiver["owner"], waiver["covers"]) == ("Ada Operator", ["queue engine_worker"])
    assert outcome.gate["digests"]["waivers"]

    said = outcome.out[outcome.out.index("\nWAIVED") :]
    assert "queue engine_worker: 3 messages wait" in said
    assert "Waived by Ada Operator until 2099-01-02" in said
    assert "BLOCKER" not in said
    for name, before, after in (
        ("gate.html", "<h2>Waived", "All checks"),
        ("gate.md", "### Waived", "Warnings"),
    ):
        text = (outcome.folder / name).read_text("utf-8")
        assert "CHG-1042" in text
        assert text.index(before) < (text.find(after) if after in text else len(text))
    junit = (outcome.folder / "junit.xml").read_text("utf-8")
    assert '<skipped message="Waived by Ada Operator' in junit

    replayed = red.call("--replay", str(outcome.folder), "--reports", str(red.folder / "again"))
    assert replayed.code == 1
    assert timeless(replayed.gate) == timeless(outcome.gate)


def test_a_secret_in_a_waiver_leaves_with_no_report(red: Site) -> None:
    config = yaml.safe_load(red.demo.plan_file.read_text("utf-8"))["current"]["config"][0]
    conf = (red.demo.folder / config).read_text("utf-8")
    secret = conf.partition("rabbit://heat:")[2].partition("@")[0]
    assert secret
    told = {"reason": f"It is {secret}", "owner": f"{secret} Ada", "ticket": secret}
    _waive(red, told, told | {"object": f"queue {secret}"})
    outcome = red.judge("last-engine")
    assert outcome.code == 1
    assert outcome.check("queues.empty")["outcome"] == "waived"
    assert secret not in outcome.written


def test_an_expired_one_leaves_the_gate_incomplete_or_shut(red: Site) -> None:
    _waive(red, {"expires": date(2026, 1, 1)})
    outcome = red.judge("last-engine")
    assert outcome.code == 2
    assert outcome.check("queues.empty")["outcome"] == "failed"
    assert "expired at" in outcome.check("gate.whole")["reason"]
    red.demo.run([*red.demo.old, *red.demo.new], vhosts=[OLD_VHOST, NEW_VHOST])
    assert red.judge("last-engine").code == 3
    # It belongs to a check that this phase does not judge.
    assert red.judge("pre").code == 0


def test_an_unknown_id_leaves_the_gate_incomplete(site: Site) -> None:
    _waive(site, {"id": "queues.emptied"})
    outcome = site.judge("pre")
    assert outcome.code == 3
    reason = outcome.check("gate.whole")["reason"]
    assert "the waiver of Ada Operator for queues.emptied" in reason
    assert "names no check" in reason


def test_an_unused_one_is_a_warning(red: Site) -> None:
    _waive(red, {}, {"object": "queue other"})
    outcome = red.judge("last-engine")
    assert outcome.code == 1
    (finding,) = outcome.check("gate.waivers")["findings"]
    assert finding["object"] == "queues.empty, queue other"
    assert "covers nothing that keeps this gate shut" in finding["summary"]
    red.demo.run([*red.demo.old, *red.demo.new], vhosts=[OLD_VHOST, NEW_VHOST])
    green = red.judge("last-engine")
    assert green.code == 1
    assert len(green.check("gate.waivers")["findings"]) == 2
    assert "gate.waivers" not in {check["id"] for check in red.judge("pre").gate["checks"]}


def test_what_could_not_be_observed_is_waived_only_in_so_many_words(site: Site) -> None:
    site.edit_plan(api={"cloud": "no-such-cloud"})
    refused = site.judge("pre")
    assert refused.code == 3
    red = refused.red
    _waive(site, *({"id": id, "object": "*"} for id in red))
    assert site.judge("pre").code == 3
    _waive(site, *({"id": id, "object": "*", "accept_unknown": True} for id in red))
    outcome = site.judge("pre")
    assert outcome.code == 1
    assert outcome.outcomes("waived") == red
    assert all(check["waivers"][0]["covers_unknown"] for check in outcome.gate["checks"]
               if check["id"] in red)  # fmt: skip


def test_a_file_that_cannot_be_used_is_wrong_usage(site: Site) -> None:
    _waive(site, {"reason": ""})
    outcome = site.call("--phase", "pre")
    assert (outcome.code, outcome.err.count("\n")) == (64, 1)
    assert "waivers.yaml: entry 1, reason: is empty" in outcome.err


def test_a_gate_left_out_can_be_waived(site: Site) -> None:
    refused = site.call("--phase", "installed", "--reports", str(site.folder / "reports"))
    assert "journal.in-order" in refused.red
    assert "gate pre: was not run for this upgrade" in refused.out
    _waive(site, {"id": "journal.in-order", "object": "gate pre"})
    passed = site.call("--phase", "installed", "--reports", str(site.folder / "reports"))
    assert passed.check("journal.in-order")["outcome"] == "waived"
