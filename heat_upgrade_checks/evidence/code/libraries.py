"""The oslo libraries that are installed for the target release."""

from dataclasses import dataclass
from pathlib import Path

from heat_upgrade_checks.evidence.code.installation import distributions
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.wording import counted

# oslo.messaging 16.0 no longer reads them, and then speaks plain text (its release notes).
_TLS_OPTIONS = (
    "rabbit_use_ssl",
    "kombu_ssl_version",
    "kombu_ssl_keyfile",
    "kombu_ssl_certfile",
    "kombu_ssl_ca_certs",
)


@dataclass(frozen=True)
class Libraries(Facts):
    """Installed version of each oslo library, by name; one that is not installed is left out.

    `heat` is openstack-heat's version, "" for none. `old_tls_options` are those options of
    `[oslo_messaging_rabbit]` that oslo.messaging 16.0 removed and the configuration sets.
    """

    interpreter: str
    heat: str
    versions: dict[str, str]
    old_tls_options: tuple[str, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        return (
            f"{counted(len(self.versions), 'oslo library', 'oslo libraries')} of Heat "
            f"{self.heat} at {self.interpreter}"
        )


def observe(site: Site) -> Libraries:
    """The target release's oslo libraries."""
    conf = site.conf("target")
    found = distributions(site.interpreter("target"))
    return Libraries(
        interpreter=str(site.plan.target.python or Path()),
        heat=found.version,
        versions={name: version for name, version in found.libraries.items() if version},
        old_tls_options=tuple(
            option for option in _TLS_OPTIONS if conf.get(option, "oslo_messaging_rabbit")
        ),
    )
