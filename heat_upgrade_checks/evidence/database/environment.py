"""What a deployment is told from another one by: the address of Heat's database."""

import hashlib

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from heat_upgrade_checks.errors import HeatUpgradeCheckError
from heat_upgrade_checks.evidence.database.identity import place
from heat_upgrade_checks.evidence.site import Site


def fingerprint(site: Site) -> str:
    """SHA-256 of that address without account and password; empty where it is not known.

    Brokers and vhosts change in an upgrade, and the plan binds what else is named in it.
    """
    try:
        # heat.conf's, which stays when the plan is given another account to read with.
        configured = site.plan.current.is_configured
        url = site.conf("current").database_url() if configured else site.plan.database.url
        address = place(make_url(url or ""))
    except (HeatUpgradeCheckError, ArgumentError, ValueError):
        return ""
    return hashlib.sha256(repr(address).encode()).hexdigest()
