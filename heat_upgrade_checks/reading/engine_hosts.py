"""Which engines `--host` means: Heat's service rows know each by its `[DEFAULT] host`.

Names of hosts are compared without case, as DNS has them.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from heat_upgrade_checks.evidence.broker.connections import Connections
from heat_upgrade_checks.evidence.database.state import Database, ServiceRow
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.reading.clients import Role, role
from heat_upgrade_checks.reading.isolation import Isolation
from heat_upgrade_checks.reading.placement import Placement


def is_api(plan: Plan, host: str) -> bool:
    """Whether the plan names an API of this host."""
    named = (urlsplit(url).hostname or "" for url in plan.api.backends)
    return host.casefold() in map(str.casefold, named)


def has_api(plan: Plan, host: str, connections: Connections) -> bool:
    """Whether the plan names an API of this host, or the broker sees one at this address."""
    return is_api(plan, host) or any(
        client.peer_host == host and role(client, side) is Role.API
        for side in connections.sides
        for client in side.clients
    )


def of_host(name: str, rows: Iterable[ServiceRow]) -> list[ServiceRow]:
    """The engine workers that a host's name means.

    It is their `[DEFAULT] host`, or else their machine's name: deployers give the engines of all
    machines one `host`, and then only the machine's name tells one of them.
    """
    every, meant = list(rows), name.casefold()
    by_host = [row for row in every if row.host.casefold() == meant]
    return by_host or [row for row in every if row.hostname.casefold() == meant]


def leaving(
    host: str, plan: Plan, database: Database, placement: Placement, isolation: Isolation
) -> list[ServiceRow]:
    """The engine workers that go when `host` is taken away: not those that the target has there."""
    stay = _of_the_target(plan, database, placement, isolation)
    return of_host(host, (row for row in database.services if row.engine_id not in stay))


def not_moved(
    plan: Plan, database: Database, placement: Placement, isolation: Isolation
) -> list[ServiceRow]:
    """The live engine workers that may be taken away: all that are not known as the target's."""
    stay = _of_the_target(plan, database, placement, isolation)
    return [row for row in database.services if row.alive and row.engine_id not in stay]


def _of_the_target(
    plan: Plan, database: Database, placement: Placement, isolation: Isolation
) -> set[str]:
    moved = isolation.on_the_new_side(placement)
    if not plan.current.engines:
        return moved
    # On a shared vhost only the plan tells them, where it names the hosts of both releases.
    current, target = ({*map(str.casefold, side.engines)} for side in (plan.current, plan.target))
    new = target - current
    return moved | {row.engine_id for row in database.services if row.host.casefold() in new}


def known_otherwise(host: str, rows: Iterable[ServiceRow]) -> str:
    """Why `host` cannot be judged: it is another name of a machine whose engine may leave.

    Empty where it is none. By default an engine's host is its machine's name, short or in full as
    that machine has it (heat/common/config.py); the row's hostname is the name in any case.
    """
    every = list(rows)
    if of_host(host, every):
        return ""
    hosts = {row.host: (row.host, row.hostname) for row in every}
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
