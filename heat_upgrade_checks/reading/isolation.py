"""Whether the two releases work on one vhost: what their configurations say, beside the plan.

Broker and vhost decide together: an old and a new cluster may each have a vhost of one name.
"""

from dataclasses import dataclass

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.reading.placement import Placement


@dataclass(frozen=True)
class Isolation:
    """How far the releases are apart; `old` and `new` are the names of their vhosts.

    As long as one has no configuration the names are empty and nothing is concluded: `shared` is
    what the plan says. `contradiction` is what both configurations say where the plan
    says otherwise, and `remedy` how to end that. `alike` is the sentence why a vhost's name does
    not tell the releases apart though the brokers do. Each is empty where there is none.
    """

    shared: bool
    old: str = ""
    new: str = ""
    contradiction: str = ""
    remedy: str = ""
    alike: str = ""

    def settled(self) -> "Isolation":
        """Itself, for who tells the releases apart by it.

        :raises Unobserved: the plan contradicts the configurations, or two vhosts have one name.
        """
        if self.contradiction:
            raise Unobserved(f"{self.contradiction}; {self.remedy}")
        if self.alike:
            raise Unobserved(self.alike)
        return self

    @property
    def apart_by_name(self) -> bool:
        """Whether a vhost's name tells the release."""
        return not self.shared and not self.alike

    def on_the_new_side(self, placement: Placement) -> set[str]:
        """The engines that go on when the last old one stops; on a shared vhost none is known."""
        return set() if self.shared else placement.on(self.new)


def isolation_of(plan: Plan, old: Configuration | None, new: Configuration | None) -> Isolation:
    """Whether both releases work on one vhost; None stands for a configuration that is not known.

    In a cold upgrade they never run at the same time, so the plan need not say it.
    """
    planned = plan.broker.isolation == "shared"
    if old is None or new is None:
        return Isolation(planned)
    shared = old.names_the_vhost_of(new)
    contradiction, remedy = "", ""
    if plan.mode == "rolling" and shared != planned:
        contradiction, remedy = (
            _one_vhost_against_the_plan(old, new) if shared else _two_against_the_plan(old, new)
        )
    alike = ""
    if not shared and old.vhost == new.vhost:
        alike = (
            f"vhost {old.vhost} is on other brokers ({', '.join(new.brokers)}) for the target than "
            f"for the current release ({', '.join(old.brokers)}), and what works on either is told "
            "by the vhost's name alone; give the target's vhost another name, or, where they are "
            "one cluster, name its hosts alike in both transport_url"
        )
    return Isolation(shared, old.vhost, new.vhost, contradiction, remedy, alike)


def _one_vhost_against_the_plan(old: Configuration, new: Configuration) -> tuple[str, str]:
    says = "the plan gives each release a vhost of its own (broker.isolation: vhost)"
    if new.files == old.files:
        return (
            f"{says}, but target.config names the current release's configuration "
            f"({', '.join(old.files)}), with vhost {old.vhost}",
            "name the target's own as target.config, with a vhost of its own, or set "
            "broker.isolation: shared in the plan",
        )
    return (
        f"{says}, but both configurations name vhost {old.vhost} of one broker",
        f"name a new vhost in transport_url of {', '.join(new.files)}, or set "
        "broker.isolation: shared in the plan",
    )


def _two_against_the_plan(old: Configuration, new: Configuration) -> tuple[str, str]:
    return (
        "the plan says that both releases share a vhost (broker.isolation: shared), but the "
        f"current release's configuration names vhost {_where(old)} and the target's {_where(new)}",
        "set broker.isolation: vhost in the plan, or let transport_url of "
        f"{', '.join(new.files)} name the vhost and the hosts that the current release has",
    )


def _where(configuration: Configuration) -> str:
    return f"{configuration.vhost} on {', '.join(configuration.brokers)}"
