"""Which engines `--host` means: Heat's service rows know each by its `[DEFAULT] host`."""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from heat_upgrade_checks.evidence.database.state import Database, ServiceRow
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.reading.isolation import Isolation
from heat_upgrade_checks.reading.placement import Placement


def is_api(plan: Plan, host: str) -> bool:
    """Whether the plan names an API of this host."""
    return any(urlsplit(url).hostname == host for url in plan.api.backends)


def not_moved(
    plan: Plan, database: Database, placement: Placement, isolation: Isolation
) -> list[ServiceRow]:
    """The live engine workers that may be taken away: all that are not known as the target's."""
    moved = isolation.on_the_new_side(placement)
    # On a shared vhost only the plan tells them, where it names the hosts of both releases.
    new = set(plan.target.engines) - set(plan.current.engines) if plan.current.engines else set()
    return [
        row
        for row in database.services
        if row.alive and row.engine_id not in moved and row.host not in new
    ]


def known_otherwise(host: str, rows: Iterable[ServiceRow]) -> str:
    """Why `host` cannot be judged: it is another name of a machine whose engine may leave.

    Empty where it is none. By default an engine's host is its machine's name, short or in full as
    that machine has it (heat/common/config.py); the row's hostname is the name in any case.
    """
    hosts = {row.host: (row.host, row.hostname) for row in rows}
    if host in hosts:
        return ""
    same = sorted(name for name, names in hosts.items() if _label(host) in map(_label, names))
    if not same:
        return ""
    return (
        f"{host} seems to be the host that the service rows call {', '.join(same)}, so what its "
        f"engine holds was not judged; give --host {same[0]}"
    )


def _label(name: str) -> str:
    """A host's short name; an address is no name and has none."""
    try:
        return str(ip_address(name))
    except ValueError:
        return name.partition(".")[0].lower()
