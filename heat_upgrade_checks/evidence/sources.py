"""The only code that touches the outside: one module per source.

A source is one function `observe(site)` that returns `Facts`, or raises `Unobserved`. It knows no
check and judges nothing. `SOURCES` lists them all; the name of a source is the name of the pytest
fixture that hands its facts to a check.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import get_type_hints

from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site


@dataclass(frozen=True)
class Source:
    """Where a kind of facts comes from.

    `deadline` is the time in seconds after which a silent source counts as unobservable; None for
    work that goes as fast as a local disk, or in many statements that each have their own limit.
    `asks_interpreter` is for one that a release's interpreter answers, whose limit is the plan's
    and comes on top.
    """

    name: str
    title: str
    module: str
    function: str = "observe"
    deadline: float | None = 60.0
    asks_interpreter: bool = False

    @property
    def observe(self) -> Callable[[Site], Facts]:
        """The function that asks; its module is imported no earlier than here."""
        module = import_module(f"{__package__}.{self.module}")
        observe: Callable[[Site], Facts] = getattr(module, self.function)
        return observe

    @property
    def facts(self) -> type[Facts]:
        """The dataclass that the source answers with."""
        facts: type[Facts] = get_type_hints(self.observe)["return"]
        return facts


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            "current_configuration",
            "current release's configuration",
            "configuration.addresses",
            "observe_current",
        ),
        Source(
            "target_configuration",
            "target release's configuration",
            "configuration.addresses",
            "observe_target",
        ),
        Source(
            "current_release",
            "current release's interpreter",
            "code.release",
            "observe_current",
            asks_interpreter=True,
        ),
        Source(
            "target_release",
            "target release's interpreter",
            "code.release",
            "observe_target",
            asks_interpreter=True,
        ),
        Source(
            "target_installation",
            "target release's installation",
            "code.installation",
            asks_interpreter=True,
        ),
        Source("target_code", "target release's code", "code.loading", asks_interpreter=True),
        Source(
            "target_libraries",
            "target release's oslo libraries",
            "code.libraries",
            asks_interpreter=True,
        ),
        Source("service_files", "files that start the target release", "code.service_files"),
        Source(
            "current_upgrade_check",
            "current release's heat-status",
            "code.upgrade_check",
            "observe_current",
            asks_interpreter=True,
        ),
        Source(
            "target_upgrade_check",
            "target release's heat-status",
            "code.upgrade_check",
            "observe_target",
            asks_interpreter=True,
        ),
        Source("database", "Heat's database", "database.state", deadline=300.0),
        Source(
            "resource_types",
            "resource types of both releases",
            "stacks.resource_types",
            deadline=300.0,
            asks_interpreter=True,
        ),
        Source(
            "options",
            "options of both releases' configurations",
            "configuration.options",
            asks_interpreter=True,
        ),
        Source(
            "api_paste",
            "target release's api-paste.ini",
            "configuration.api_paste",
            asks_interpreter=True,
        ),
        Source(
            "trustee",
            "account that trusts are given to",
            "configuration.trustee",
            asks_interpreter=True,
        ),
        Source(
            "policies",
            "target release's policy files",
            "configuration.policies",
            asks_interpreter=True,
        ),
        Source(
            "credentials",
            "Heat's database, stored credentials",
            "database.credentials",
            deadline=300.0,
            asks_interpreter=True,
        ),
        Source("cfn_signals", "Heat's database, signals to heat-api-cfn", "stacks.cfn_signals"),
        Source(
            "live_schema", "Heat's database, its schema", "database.live_schema", deadline=300.0
        ),
        Source(
            "current_models",
            "current release's models",
            "code.models",
            "observe_current",
            asks_interpreter=True,
        ),
        Source(
            "target_models",
            "target release's models",
            "code.models",
            "observe_target",
            asks_interpreter=True,
        ),
        Source(
            "target_migrations",
            "target release's migrations",
            "code.migration_files",
            asks_interpreter=True,
        ),
        Source(
            "event_counts",
            "Heat's database, events by stack",
            "stacks.event_counts",
            deadline=300.0,
        ),
        Source("leftovers", "Heat's database, leftovers", "stacks.leftovers", deadline=300.0),
        Source(
            "schema_state", "Heat's database, its schema", "database.schema_state", deadline=300.0
        ),
        Source(
            "packet_limit",
            "Heat's database, its limit of a statement",
            "database.packet_limit",
            deadline=300.0,
        ),
        Source(
            "table_sizes", "Heat's database, table sizes", "database.table_sizes", deadline=300.0
        ),
        Source("broker", "RabbitMQ", "broker.listeners", deadline=120.0),
        Source("waiting_work", "RabbitMQ, waiting work", "broker.waiting_messages"),
        Source("broker_health", "RabbitMQ's health", "broker.health"),
        Source(
            "connections",
            "RabbitMQ, connections to both vhosts",
            "broker.connections",
            deadline=120.0,
        ),
        Source(
            "old_queues",
            "RabbitMQ, old vhost",
            "broker.old_queues",
            deadline=900.0,
        ),
        Source("new_vhost", "RabbitMQ, the target's vhost", "broker.new_vhost"),
        Source(
            "current_retention",
            "RabbitMQ, what becomes of waiting work in the current release's vhost",
            "broker.retention",
            "observe_current",
        ),
        Source(
            "target_retention",
            "RabbitMQ, what becomes of waiting work in the target release's vhost",
            "broker.retention",
            "observe_target",
        ),
        Source(
            "current_transient_queues",
            "RabbitMQ, whether it allows the current release's queues",
            "broker.transient_queues",
            "observe_current",
        ),
        Source(
            "target_transient_queues",
            "RabbitMQ, whether it allows the target release's queues",
            "broker.transient_queues",
            "observe_target",
        ),
        Source("broker_certificates", "RabbitMQ's certificates", "broker.certificates"),
        Source("notifications", "RabbitMQ, notifications", "broker.notifications"),
        Source("accounts", "Keystone, Heat's own accounts", "accounts.logins", deadline=120.0),
        Source("api", "Heat's API", "api.endpoints", deadline=200.0),
        Source("api_backends", "addresses of Heat's API", "api.backends"),
        Source(
            "asked_apis",
            "RabbitMQ, connections after each API was asked",
            "broker.asked_apis",
            deadline=300.0,
        ),
        Source("backups", "database backup", "backup.newest", deadline=None),
        Source("rehearsal", "the last rehearsal", "gates.last_rehearsal"),
        Source("release_notes", "release notes", "notes.release_notes", deadline=300.0),
        Source("earlier_gates", "earlier gates of this upgrade", "gates.earlier_gates"),
        Source(
            "baseline",
            "Heat's database, the baseline of its stacks",
            "stacks.baseline",
            deadline=None,
        ),
        Source(
            "preserved",
            "Heat's database, compared with the baseline",
            "stacks.preserved",
            deadline=None,
        ),
        Source(
            "failed_by_upgrade",
            "Heat's database, failures laid to a lost engine",
            "stacks.failed_by_upgrade",
            deadline=300.0,
        ),
    )
}
