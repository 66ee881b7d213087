"""A site whose broker is a test's own, and what Heat's account may do there."""

from pathlib import Path

from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.plan import Plan
from tests.services.rabbitmq import RabbitMQ

PASSWORD = "canary-of-the-broker-4b8e"
ALL = (".*", ".*", ".*")


def broker_site(
    folder: Path, rabbitmq: RabbitMQ, vhost: str, user: str = "heat", **plan: object
) -> Site:
    """A current release on this vhost, with changes to the plan's section broker."""
    conf = folder / "heat.conf"
    url = rabbitmq.url(vhost, user, PASSWORD)
    conf.write_text(f"[DEFAULT]\ntransport_url = {url}\n", "utf-8")
    broker_plan = {"management": [rabbitmq.management_url], **plan}
    document = {
        "name": "services",
        "mode": "rolling",
        "current": {"version": "25.0.2", "config": [str(conf)]},
        "target": {"version": "26.0.2"},
        "broker": broker_plan,
    }
    return Site(Plan.model_validate(document), folder)
