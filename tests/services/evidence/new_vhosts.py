"""A site whose new vhost is on a real RabbitMQ, and what the checks say of it."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from pydantic import TypeAdapter

from heat_upgrade_checks.evidence.broker import new_vhost
from heat_upgrade_checks.evidence.broker.new_vhost import NewVhost
from heat_upgrade_checks.evidence.configuration.addresses import observe_current, observe_target
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.plan import Plan
from tests.judging import check_at, judge
from tests.services.rabbitmq import RabbitMQ

PASSWORD = "canary-of-the-new-vhost-77f1"
ALL = (".*", ".*", ".*")
QUORUM = {"x-queue-type": "quorum"}


@dataclass
class Place:
    """An old and a new vhost of a test's own, the watching account and Heat's."""

    rabbitmq: RabbitMQ
    folder: Path
    old: str
    new: str
    user: str
    watcher: str

    def put(self, path: str, body: object) -> None:
        """Set up the broker; {old} and {new} stand for the vhosts."""
        vhosts = {"old": quote(self.old, safe=""), "new": quote(self.new, safe="")}
        self.rabbitmq.call("PUT", path.format(**vhosts), body)

    def site(
        self,
        target: str = "",
        *,
        vhost: str | None = None,
        password: str = PASSWORD,
        port: int | None = None,
        plan: dict[str, Any] | None = None,
        current: str = "",
        query: str = "",
    ) -> Site:
        """Both configurations; `target` is added to the target's."""
        url = self.rabbitmq.url(self.new if vhost is None else vhost, self.user, password)
        if port:
            url = url.replace(f":{self.rabbitmq.amqp_port}/", f":{port}/")
        files = {
            "current": (self.rabbitmq.url(self.old, self.watcher, PASSWORD), current),
            "target": (url + query, target),
        }
        for side, (transport_url, more) in files.items():
            (self.folder / f"{side}.conf").write_text(
                f"[DEFAULT]\nhost = ctl1\ntransport_url = {transport_url}\n{more}\n", "utf-8"
            )
        document = {
            "name": "services",
            "mode": "rolling",
            "current": {"version": "25.0.2", "config": [str(self.folder / "current.conf")]},
            "target": {"version": "26.0.2", "config": [str(self.folder / "target.conf")]},
            "broker": {"management": [self.rabbitmq.management_url]},
        }
        return Site(Plan.model_validate(document | (plan or {})), self.folder)


def make_place(rabbitmq: RabbitMQ, folder: Path) -> Place:
    """Heat's account may do everything on the new vhost; the watcher is an administrator."""
    unique = uuid4().hex[:8]
    made = Place(rabbitmq, folder, f"old-{unique}", f"/new-{unique}", f"h-{unique}", f"w-{unique}")
    rabbitmq.add_vhost(made.old)
    rabbitmq.add_vhost(made.new)
    rabbitmq.add_user(made.user, PASSWORD, "", {made.new: ALL})
    watch_as(made, "administrator")
    return made


def watch_as(place: Place, tags: str) -> None:
    """Give the watching account these tags and no right to anything."""
    nothing = ("^$", "^$", "^$")
    permissions = {place.old: nothing, place.new: nothing}
    place.rabbitmq.add_user(place.watcher, PASSWORD, tags, permissions)


def _observe(site: Site) -> NewVhost:
    """The facts as they come back from a recording."""
    found = new_vhost.observe(site)
    adapter = TypeAdapter(NewVhost)
    recorded = adapter.dump_json(found)
    assert PASSWORD.encode() not in recorded
    assert adapter.validate_json(recorded, strict=False) == found
    return found


def make_again(place: Place, vhost: str, default_queue_type: str) -> None:
    """RabbitMQ takes the type only when a vhost is made; 3.10 calls it by the second name."""
    place.rabbitmq.delete_vhost(vhost)
    names = ("default_queue_type", "defaultqueuetype")
    body = dict.fromkeys(names, default_queue_type)
    place.rabbitmq.call("PUT", f"vhosts/{quote(vhost, safe='')}", body)
    place.rabbitmq.add_vhost(vhost)
    place.rabbitmq.add_user(place.user, PASSWORD, "", {vhost: ALL})
    watch_as(place, "administrator")


def judged(name: str, site: Site, phase: str = "vhost", **facts: Any) -> Judgement:
    """A check on what is observed now."""
    facts["current_configuration"] = observe_current(site)
    facts["target_configuration"] = observe_target(site)
    facts["new_vhost"] = _observe(site)
    return judge(check_at(name, phase), phase, of=site.plan, **facts)


def said_of(gate: Judgement) -> list[str]:
    """Every finding in a line."""
    return [f"{each.level} {each.object}: {each.summary}" for each in gate.findings]


def is_green(gate: Judgement) -> bool:
    """Neither findings nor unknowns."""
    return (gate.findings, gate.unknowns) == ([], [])


def engine_workers(number: int) -> Any:
    """A database in which that many engine workers report."""
    return SimpleNamespace(services=[SimpleNamespace(alive=True)] * number)
