"""What each series of Heat changes under an operator's feet, for a hop that takes two at once.

Read in the releases themselves: heat/db/migrations/versions, heat/engine/resources (what has become
a placeholder), the options that heat/common and heat/engine/clients register, [console_scripts],
Requires-Python, and RPC_API_VERSION of heat/engine/service.py and heat/engine/worker.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from heat_upgrade_checks.heat.releases import HeatRelease, series_of


@dataclass(frozen=True)
class Change:
    """One thing that a series does to a deployment, and the file of Heat that shows it."""

    what: str
    source: str


# By Heat's major version; none before 2023.2 can be part of a skip-level hop.
_CHANGES: dict[int, tuple[Change, ...]] = {
    21: (
        Change(
            "the schema goes over to alembic (c6214ca60943) and must be at sqlalchemy-migrate's 86",
            "heat/db/migration.py",
        ),
    ),
    22: (
        Change(
            "OS::Glance::Image and 11 types of Neutron's LBaaS become placeholders",
            "heat/engine/resources/openstack",
        ),
        Change("policies enforce scope and the new defaults", "heat/common/policy.py"),
        Change("option [DEFAULT] onready is gone", "heat/common/config.py"),
    ),
    23: (
        Change("OS::Sahara::* and OS::Senlin::* become placeholders", "heat/engine/resources"),
        Change(
            "options of [clients_sahara] and [clients_senlin] are gone", "heat/common/config.py"
        ),
        Change("Python 3.9 is needed", "Requires-Python"),
    ),
    24: (),
    25: (
        Change("scripts heat-api, heat-api-cfn and heat-all are gone", "[console_scripts]"),
        Change(
            "options of [heat_api], [heat_api_cfn], [eventlet_opts] and [clients_monasca] are gone",
            "heat/common/wsgi.py and heat/common/config.py",
        ),
        Change("OS::Monasca::* become placeholders", "heat/engine/resources"),
        Change("Python 3.10 is needed", "Requires-Python"),
    ),
    26: (
        Change(
            "migrations d2db381e3324, 88be64598c0f and 97b2a986f922 alter sync_point and snapshot "
            "and add resource_snapshot",
            "heat/db/migrations/versions",
        ),
        Change("the worker's RPC goes from 1.4 to 1.9", "heat/engine/worker.py"),
    ),
    27: (
        Change(
            "options auth_uri, allowed_auth_uris, ca_file, cert_file and key_file of "
            "[ec2authtoken], [DEFAULT] stack_user_domain and those of [clients_vitrage] are gone",
            "heat/api/aws/ec2token.py and heat/common/config.py",
        ),
        Change("OS::Vitrage::Template becomes a placeholder", "heat/engine/resources"),
        Change("Python 3.11 is needed", "Requires-Python"),
    ),
}


@dataclass(frozen=True)
class SeriesChanges:
    """What a series changes; `changes` is None where this version of the tool knows nothing."""

    series: str
    changes: tuple[Change, ...] | None

    def __str__(self) -> str:
        if self.changes is None:
            return f"{self.series}: not known to this version of the tool"
        return f"{self.series}: {', '.join(change.what for change in self.changes) or 'nothing'}"


def between(current: HeatRelease, target: HeatRelease) -> Iterator[SeriesChanges]:
    """The series after the current one up to the target's, with their changes."""
    for major in range(current.major + 1, target.major + 1):
        yield SeriesChanges(series_of(major), _CHANGES.get(major))
