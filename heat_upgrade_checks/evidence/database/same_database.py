"""Whether `[database] connection` of both releases leads to one database."""

from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import URL

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.database.heat_tables import RAW_TEMPLATE, RESOURCE, SERVICE
from heat_upgrade_checks.evidence.database.identity import place
from heat_upgrade_checks.evidence.database.session import ask_at, parsed
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.phases import SideName


@dataclass(frozen=True)
class DatabaseComparison:
    """`current` and `target` are the databases without their accounts.

    `verdict`: the same spelling; another one that leads to the same rows; other rows; or `unknown`,
    why that could not be told.
    """

    current: str
    target: str
    verdict: Literal["same", "same-rows", "other", "unknown"]
    unknown: str = ""


def compare_databases(site: Site) -> DatabaseComparison:
    """Compare the addresses; where they differ, what lies there.

    :raises Unobserved: one is not set, or no URL.
    """
    current, target = _url(site, "current"), _url(site, "target")
    names = _shown(current), _shown(target)
    if place(current) == place(target):
        return DatabaseComparison(*names, "same")
    try:
        before, ids = _marks(site, current)
        there, its = _marks(site, target)
        after, _ = _marks(site, current)
    except Unobserved as reason:
        return DatabaseComparison(*names, "unknown", str(reason))
    # Heat may be at work: the numbers only grow, and of one database the second reading of three
    # lies between the others. A copy stands still.
    one = ids == its and all(a <= b <= c for a, b, c in zip(before, there, after, strict=True))
    return DatabaseComparison(*names, "same-rows" if one else "other")


def _url(site: Site, side: SideName) -> URL:
    return parsed(site.conf(side).database_url(), f"[database] connection of the {side} release")


def _shown(url: URL) -> str:
    host = f"{url.host or 'localhost'}{f':{url.port}' if url.port else ''}"
    return f"{url.get_backend_name()}://{host}/{url.database or ''}"


def _marks(site: Site, url: URL) -> tuple[tuple[str, ...], frozenset[str]]:
    """Numbers that only grow while Heat works, spelled so that they compare, and its engines."""
    newest = [RAW_TEMPLATE.c.id, RESOURCE.c.id, SERVICE.c.updated_at]

    def read(connection: sa.Connection) -> tuple[tuple[str, ...], frozenset[str]]:
        marks = [connection.scalar(sa.select(sa.func.max(column))) for column in newest]
        engines = connection.scalars(sa.select(SERVICE.c.engine_id))
        return tuple(str(mark or 0).rjust(30) for mark in marks), frozenset(engines)

    return ask_at(url, site.plan.database.statement_timeout, read)
