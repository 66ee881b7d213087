"""Whether both releases share a vhost, by their configurations and against the plan."""

from dataclasses import replace

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.reading.isolation import Isolation, isolation_of
from heat_upgrade_checks.reading.placement import Placement
from tests.facts import NEW, OLD, a_configuration
from tests.judging import plan

CURRENT, TARGET = a_configuration(OLD, "control1"), a_configuration(NEW, "control2")
SHARES = replace(TARGET, vhost=OLD)
ELSEWHERE = replace(SHARES, brokers=("other:5672",))
SHARED, OWN = plan(broker={"isolation": "shared"}), plan()


def test_what_the_configurations_and_the_plan_agree_on() -> None:
    assert isolation_of(OWN, CURRENT, TARGET).settled() == Isolation(False, OLD, NEW)
    assert isolation_of(SHARED, CURRENT, SHARES).settled() == Isolation(True, OLD, OLD)


def test_without_both_configurations_nothing_is_concluded() -> None:
    for old, new in ((CURRENT, None), (None, TARGET), (None, None)):
        assert isolation_of(SHARED, old, new).settled() == Isolation(True)
        assert isolation_of(OWN, old, new).settled() == Isolation(False)


def test_a_plan_that_says_they_share_where_two_vhosts_are_named() -> None:
    found = isolation_of(SHARED, CURRENT, TARGET)
    assert not found.shared
    with pytest.raises(Unobserved) as told:
        found.settled()
    assert str(told.value) == (
        "the plan says that both releases share a vhost (broker.isolation: shared), but the "
        "current release's configuration names vhost heat-n on rabbit:5672 and the target's "
        "heat-n1 on rabbit:5672; set broker.isolation: vhost in the plan, or let transport_url of "
        "/etc/heat-n1.conf name the vhost and the hosts that the current release has"
    )


def test_a_plan_that_keeps_them_apart_where_one_vhost_is_named() -> None:
    found = isolation_of(OWN, CURRENT, SHARES)
    assert found.shared
    with pytest.raises(Unobserved) as told:
        found.settled()
    assert str(told.value) == (
        "the plan gives each release a vhost of its own (broker.isolation: vhost), but both "
        "configurations name vhost heat-n of one broker; name a new vhost in transport_url of "
        "/etc/heat-n1.conf, or set broker.isolation: shared in the plan"
    )


def test_a_target_that_is_given_the_current_configuration() -> None:
    found = isolation_of(OWN, CURRENT, CURRENT)
    assert found.contradiction.endswith(
        "but target.config names the current release's configuration (/etc/heat-n.conf), with "
        "vhost heat-n"
    )
    assert isolation_of(SHARED, CURRENT, CURRENT).contradiction == ""


def test_in_a_cold_upgrade_the_plan_need_not_say_it() -> None:
    cold = plan(mode="cold")
    assert isolation_of(cold, CURRENT, SHARES).settled().shared
    assert not isolation_of(cold, CURRENT, TARGET).settled().shared


def test_one_name_on_two_brokers_is_two_vhosts_that_nothing_tells_apart() -> None:
    found = isolation_of(OWN, CURRENT, ELSEWHERE)
    assert (found.shared, found.contradiction, found.apart_by_name) == (False, "", False)
    with pytest.raises(Unobserved, match=r"on other brokers \(other:5672\) for the target"):
        found.settled()
    assert "share a vhost" in isolation_of(SHARED, CURRENT, ELSEWHERE).contradiction


@pytest.mark.parametrize(
    "brokers",
    [("rabbit:5671",), ("rabbit2:5672", "rabbit:5672"), ("rabbit:5672",)],
)
def test_one_common_host_makes_one_broker_whatever_its_port(brokers: tuple[str, ...]) -> None:
    assert isolation_of(SHARED, CURRENT, replace(SHARES, brokers=brokers)).settled().shared


def test_who_goes_on_is_known_by_the_vhost_only() -> None:
    class OnBoth(Placement):
        def on(self, vhost: str) -> set[str]:
            return {f"on {vhost}"}

    engines = OnBoth((), ())
    assert isolation_of(OWN, CURRENT, TARGET).on_the_new_side(engines) == {"on heat-n1"}
    assert isolation_of(SHARED, CURRENT, SHARES).on_the_new_side(engines) == set()
