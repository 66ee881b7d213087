"""The fixtures of checks: a source's facts under its name, and what is joined of them."""

from typing import Any

import pytest

from heat_upgrade_checks.evidence.broker.listeners import Broker
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.sources import SOURCES
from heat_upgrade_checks.gates.run import GateRun
from heat_upgrade_checks.reading.placement import Placement, place


class _Joined:
    @pytest.fixture(scope="session")
    def placement(self, database: Database, broker: Broker) -> Placement:
        """Live engines with the vhosts they work on."""
        return place(database.services, broker.listeners)


def evidence(run: GateRun) -> object:
    """A plugin of pytest with a fixture for each source; it waits for the source's answer."""
    return type("Evidence", (_Joined,), {name: _facts_of(name, run) for name in SOURCES})()


def _facts_of(name: str, run: GateRun) -> Any:
    @pytest.fixture(scope="session", name=name)
    def facts(_: object) -> Any:
        return run.facts(name)

    return facts
