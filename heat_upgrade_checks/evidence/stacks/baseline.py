"""Stores what exists before the upgrade, in the folder of the gate that is judged."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.database.heat_tables import STACK
from heat_upgrade_checks.evidence.database.session import ask_in_session, clock, url_of
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.evidence.stacks.stored_stacks import COLUMNS, STACKS_AT_ONCE, described
from heat_upgrade_checks.records.baseline import FILE, Counts, Header, StoredStack, write


@dataclass(frozen=True)
class Baseline(Facts):
    """A baseline that was stored: the file's name, size in bytes and digest, and what it holds.

    `clock` is the database's, before the first stack was read.
    """

    file: str
    sha256: str
    bytes: int
    clock: datetime
    stacks: int
    resources: int
    outputs: int
    projects: int

    @property
    def extent(self) -> str:
        """What was stored."""
        return (
            f"{self.stacks} stacks (nested, hidden and backup included) with {self.resources} "
            f"resources and {self.outputs} outputs in {self.projects} projects, stored in "
            f"{self.file} ({self.bytes} bytes)"
        )


def observe(site: Site) -> Baseline:
    """Store every live stack, in one read-only snapshot, some hundred at a time.

    :raises NotConfigured: the run leaves no gate, so there is nowhere to store it.
    """
    if site.gate_folder is None:
        raise NotConfigured(
            "this run writes no gate and so stores no baseline; "
            "run heat-upgrade-check --phase pre before the upgrade begins"
        )
    whole = site.gate_folder / FILE
    # Of an earlier round of the same gate; it must not pass for this one's.
    whole.unlink(missing_ok=True)
    unfinished = whole.with_name(f".{FILE}")
    database = url_of(site).database or ""

    def store(connection: sa.Connection) -> tuple[Header, Counts, int]:
        header = Header(database, clock(connection))
        live = sa.select(sa.func.count(), sa.func.count(STACK.c.tenant.distinct()))
        stacks, projects = connection.execute(live.where(STACK.c.deleted_at.is_(None))).one()
        counts = write(unfinished, header, _live_stacks(connection))
        if counts.stacks != stacks:
            raise Unobserved(
                f"database {database}: {counts.stacks} of {stacks} stacks were read, so they "
                "changed meanwhile; run this phase again"
            )
        return header, counts, projects

    try:
        header, counts, projects = ask_in_session(site, store)
        size, digest = unfinished.stat().st_size, _sha256(unfinished)
        unfinished.replace(whole)
    finally:
        unfinished.unlink(missing_ok=True)
    return Baseline(
        file=FILE,
        sha256=digest,
        bytes=size,
        clock=header.clock,
        stacks=counts.stacks,
        resources=counts.resources,
        outputs=counts.outputs,
        projects=projects,
    )


def _live_stacks(connection: sa.Connection) -> Iterator[StoredStack]:
    last = ""
    query: sa.Select[Any] = (
        sa.select(*COLUMNS).where(STACK.c.deleted_at.is_(None)).order_by(STACK.c.id)
    )
    while rows := connection.execute(query.where(STACK.c.id > last).limit(STACKS_AT_ONCE)).all():
        yield from described(connection, rows)
        last = rows[-1].id


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
