"""The new vhost on a real RabbitMQ: for each check a broker that makes it red, and one green."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import amqp
import pytest
from pydantic import TypeAdapter

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.broker import new_vhost, notifications
from heat_upgrade_checks.evidence.broker.new_vhost import NewVhost
from heat_upgrade_checks.evidence.broker.notifications import Notifications
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.plan import Plan
from tests.judging import check_at, judge
from tests.services.processes import free_port
from tests.services.rabbitmq import RabbitMQ
from tests.settling import settled
from tests.waiting import until

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


@pytest.fixture
def place(rabbitmq: RabbitMQ, tmp_path: Path) -> Place:
    """Heat's account may do everything on the new vhost; the watcher is an administrator."""
    return _place(rabbitmq, tmp_path)


def _place(rabbitmq: RabbitMQ, folder: Path) -> Place:
    unique = uuid4().hex[:8]
    made = Place(rabbitmq, folder, f"old-{unique}", f"/new-{unique}", f"h-{unique}", f"w-{unique}")
    rabbitmq.add_vhost(made.old)
    rabbitmq.add_vhost(made.new)
    rabbitmq.add_user(made.user, PASSWORD, "", {made.new: ALL})
    _watch_as(made, "administrator")
    return made


def _watch_as(place: Place, tags: str) -> None:
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


def _make_again(place: Place, vhost: str, default_queue_type: str) -> None:
    """RabbitMQ takes the type only when a vhost is made; 3.10 calls it by the second name."""
    place.rabbitmq.delete_vhost(vhost)
    names = ("default_queue_type", "defaultqueuetype")
    body = dict.fromkeys(names, default_queue_type)
    place.rabbitmq.call("PUT", f"vhosts/{quote(vhost, safe='')}", body)
    place.rabbitmq.add_vhost(vhost)
    place.rabbitmq.add_user(place.user, PASSWORD, "", {vhost: ALL})
    _watch_as(place, "administrator")


def _judge(name: str, site: Site, **facts: Any) -> Judgement:
    check = check_at(name, "vhost")
    return judge(check, "vhost", of=site.plan, new_vhost=_observe(site), **facts)


def _said(gate: Judgement) -> list[str]:
    return [f"{each.level} {each.object}: {each.summary}" for each in gate.findings]


def _green(gate: Judgement) -> bool:
    return (gate.findings, gate.unknowns) == ([], [])


# --- vhost.exists


def test_the_vhost_exists(place: Place) -> None:
    assert _green(_judge("vhost.exists", place.site()))


def test_the_vhost_is_missing(place: Place) -> None:
    gate = _judge("vhost.exists", place.site(vhost="never-made"))
    assert _said(gate) == [
        f"blocker vhost never-made: does not exist at {place.rabbitmq.management_url}"
    ]
    assert gate.findings[0].commands == (("rabbitmqctl", "add_vhost", "never-made"),)
    with pytest.raises(NotConfigured, match=r"see vhost\.exists"):
        _judge("vhost.permissions", place.site(vhost="never-made"))


def test_a_slash_too_few_is_told(place: Place) -> None:
    site = place.site(vhost=place.new.removeprefix("/"))
    assert f"but {place.new} does" in _said(_judge("vhost.exists", site))[0]


# --- vhost.permissions


def test_every_permission_is_there(place: Place) -> None:
    assert _green(_judge("vhost.permissions", place.site()))


@pytest.mark.parametrize(
    ("right", "first"), [("configure", "engine_fanout"), ("write", "engine_fanout"), ("read", "e")]
)
def test_a_pattern_is_too_narrow(place: Place, right: str, first: str) -> None:
    rights = ("configure", "write", "read")
    patterns = {name: "^heat" if name == right else ".*" for name in rights}
    place.put(f"permissions/{{new}}/{place.user}", patterns)
    gate = _judge("vhost.permissions", place.site())
    (said,) = _said(gate)
    assert said.startswith(f"blocker account {place.user}: may not {right} {first}")
    assert said.endswith("its pattern is '^heat'")
    command = gate.findings[0].commands[0]
    assert command[:5] == ("rabbitmqctl", "set_permissions", "-p", place.new, place.user)
    assert ("amq.default" in gate.findings[0].data["names"]) == (right == "write")


def test_an_empty_pattern_allows_nothing(place: Place) -> None:
    place.put(f"permissions/{{new}}/{place.user}", {"configure": "", "write": ".*", "read": ".*"})
    gate = _judge("vhost.permissions", place.site())
    assert "may not configure heat, engine_fanout, engine and" in _said(gate)[0]


def test_an_account_without_any_permission(place: Place) -> None:
    place.rabbitmq.call(
        "DELETE", f"permissions/{quote(place.new, safe='')}/{quote(place.user, safe='')}"
    )
    said = _said(_judge("vhost.permissions", place.site()))
    assert said == [
        f"blocker account {place.user}: has no permission on vhost {place.new}, or does not exist"
    ]


def test_a_watcher_that_may_only_monitor_logs_in_as_heat(place: Place) -> None:
    _watch_as(place, "monitoring")
    gate = _judge("vhost.permissions", place.site())
    (said,) = _said(gate)
    assert said.startswith(f"note account {place.user}: logs in to vhost {place.new}")
    assert not gate.unknowns
    queues = place.rabbitmq.queues(place.new)
    assert queues == [], "nothing is declared"


@pytest.mark.parametrize(
    ("password", "permitted", "words"),
    [
        ("canary-of-a-wrong-password", True, "ACCESS_REFUSED - Login was refused"),
        (PASSWORD, False, "NOT_ALLOWED - access to vhost"),
    ],
)
def test_a_login_that_is_refused(place: Place, password: str, permitted: bool, words: str) -> None:
    _watch_as(place, "monitoring")
    if not permitted:
        place.rabbitmq.call(
            "DELETE", f"permissions/{quote(place.new, safe='')}/{quote(place.user, safe='')}"
        )
    (said,) = _said(_judge("vhost.permissions", place.site(password=password)))
    assert said.startswith(f"blocker account {place.user}: is refused by 127.0.0.1:")
    assert words in said
    assert password not in said


@pytest.mark.parametrize(
    ("options", "query", "free", "words"),
    [
        ("", "", True, "Connection refused"),
        # This broker speaks no TLS on its port, and closes a connection that begins with it.
        ("[oslo_messaging_rabbit]\nssl = true", "", False, "cannot be asked by AMQP"),
        ("", "?ssl=1", False, "cannot be asked by AMQP"),
        (
            "[oslo_messaging_rabbit]\nssl = true\nssl_ca_file = /no/such/ca.pem",
            "",
            False,
            "cannot be asked by AMQP as Heat does (",
        ),
        (
            "[oslo_messaging_rabbit]\nrabbit_login_method = EXTERNAL",
            "",
            False,
            "without a name and a password",
        ),
    ],
)
def test_a_login_that_cannot_be_tried_is_unknown(
    place: Place, options: str, query: str, free: bool, words: str
) -> None:
    _watch_as(place, "monitoring")
    site = place.site(options, query=query, port=free_port() if free else None)
    gate = _judge("vhost.permissions", site)
    assert gate.findings == []
    (unknown,) = gate.unknowns
    assert words in unknown
    assert "broker.username" in unknown


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, and another authority."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("broker", "other"):
        files = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")]
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                *("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", *files),
            ],
            check=True,
            capture_output=True,
        )
    return folder


def test_a_login_over_tls(certificates: Path, tmp_path: Path) -> None:
    port, own = free_port(), certificates / "broker.pem"
    settings = (
        f"listeners.ssl.1 = 127.0.0.1:{port}",
        f"ssl_options.cacertfile = {own}",
        f"ssl_options.certfile = {own}",
        f"ssl_options.keyfile = {certificates / 'broker.key'}",
        "disk_free_limit.absolute = 50MB",
    )
    with RabbitMQ(tmp_path / "rabbitmq", *settings) as rabbitmq:
        place = _place(rabbitmq, tmp_path)
        _watch_as(place, "monitoring")
        for authority, words in (
            (own, "logs in to vhost"),
            (certificates / "other.pem", "its TLS certificate is not trusted: self-signed"),
        ):
            options = f"[oslo_messaging_rabbit]\nssl_ca_file = {authority}\n"
            site = place.site(options, query="?ssl=true", port=port)
            gate = _judge("vhost.permissions", site)
            (said,) = _said(gate) or gate.unknowns
            assert words in said


def test_a_watcher_without_a_tag_sees_nothing(place: Place) -> None:
    _watch_as(place, "")
    with pytest.raises(Unobserved, match="monitoring"):
        new_vhost.observe(place.site())


def test_a_new_vhost_that_the_watcher_may_not_see(place: Place) -> None:
    _watch_as(place, "monitoring")
    place.rabbitmq.call(
        "DELETE", f"permissions/{quote(place.new, safe='')}/{quote(place.watcher, safe='')}"
    )
    assert _green(_judge("vhost.exists", place.site()))
    for name, facts in (
        ("vhost.queue-arguments", {}),
        ("vhost.policies", {"database": _workers(1)}),
    ):
        gate = _judge(name, place.site(), **facts)
        assert gate.findings == []
        assert f"set_permissions -p {place.new} {place.watcher} '^$'" in gate.unknowns[0]


# --- vhost.policies


def _workers(number: int) -> Any:
    return SimpleNamespace(services=[SimpleNamespace(alive=True)] * number)


def _policies(place: Place, workers: int = 2) -> Judgement:
    name = "vhost.policies"
    return _judge(name, place.site(), database=_workers(workers))


def test_both_vhosts_are_alike(place: Place) -> None:
    for vhost in ("{old}", "{new}"):
        body = {"pattern": "^engine", "definition": {"message-ttl": 60000}, "apply-to": "queues"}
        place.put(f"policies/{vhost}/ttl", body)
        place.put(f"vhost-limits/{vhost}/max-connections", {"value": 500})
    assert _green(_policies(place))


def test_a_policy_that_is_not_on_the_new_vhost(place: Place) -> None:
    body = {"pattern": "^x", "definition": {"max-length": 5}, "apply-to": "queues", "priority": 3}
    place.put("policies/{old}/short", body)
    assert _said(_policies(place)) == [
        f"warning policy short: is not set on vhost {place.new}, and max-length=5 for queues that "
        f"match ^x, priority 3 on {place.old}"
    ]


def test_a_policy_an_operator_policy_and_a_limit_that_differ(place: Place) -> None:
    for vhost, number in (("{old}", 1000), ("{new}", 2000)):
        body = {"pattern": ".*", "definition": {"message-ttl": number}, "apply-to": "queues"}
        place.put(f"policies/{vhost}/ttl", body)
        place.put(f"operator-policies/{vhost}/ttl-of-operator", body)
        place.put(f"vhost-limits/{vhost}/max-connections", {"value": number})
    gate = _policies(place)
    assert [each.object for each in gate.findings] == [
        "operator policy ttl-of-operator",
        "policy ttl",
        "limit max-connections",
    ]
    assert {each.level for each in gate.findings} == {"warning"}


def test_a_default_queue_type_that_differs(place: Place) -> None:
    _make_again(place, place.old, "quorum")
    assert _said(_policies(place)) == [
        f"warning default queue type: is classic on vhost {place.new}, and quorum on {place.old}"
    ]


@pytest.mark.parametrize(("limit", "red"), [(19, True), (20, False), (-1, False), (0, True)])
def test_a_limit_below_what_heat_makes(place: Place, limit: int, red: bool) -> None:
    for vhost in ("{old}", "{new}"):
        place.put(f"vhost-limits/{vhost}/max-queues", {"value": limit})
    said = _said(_policies(place, workers=2))
    expected = (
        f"blocker limit max-queues: is {limit} on vhost {place.new}; 2 live engine workers make "
        "up to 20 queues"
    )
    assert said == ([expected] if red else [])


def test_an_old_vhost_that_is_gone_or_hidden(place: Place) -> None:
    _watch_as(place, "monitoring")
    path = f"permissions/{quote(place.old, safe='')}/{quote(place.watcher, safe='')}"
    place.rabbitmq.call("DELETE", path)
    (unknown,) = _policies(place).unknowns
    assert f"set_permissions -p {place.old} {place.watcher}" in unknown
    place.rabbitmq.delete_vhost(place.old)
    (unknown,) = _policies(place).unknowns
    assert f"vhost {place.old} of the current release does not exist" in unknown


# --- vhost.queue-arguments


def _clashes(place: Place, *options: str, query: str = "") -> list[str]:
    target = "\n".join(["[oslo_messaging_rabbit]", *options])
    return _said(_judge("vhost.queue-arguments", place.site(target, query=query)))


def _dies(found: str, wanted: str) -> str:
    return (
        f"is {found}; the target release declares it {wanted}, which RabbitMQ refuses with "
        "PRECONDITION_FAILED"
    )


def test_a_fresh_vhost_and_one_that_was_used_with_the_same_options(place: Place) -> None:
    assert _clashes(place) == []
    place.put("exchanges/{new}/heat", {"type": "topic", "durable": True})
    for name in ("engine", "engine.ctl1", "engine_worker.of-a-dead-engine"):
        place.rabbitmq.declare_queue(place.new, name, durable=True, **QUORUM)
    place.rabbitmq.declare_queue(place.new, "engine_fanout_0123456789abcdef")
    place.rabbitmq.declare_queue(place.new, "of-someone-else", durable=True, **QUORUM)
    assert _clashes(place, "rabbit_quorum_queue = true") == []


def test_a_quorum_queue_under_a_classic_configuration(place: Place) -> None:
    place.rabbitmq.declare_queue(place.new, "heat-engine-listener", durable=True, **QUORUM)
    found = _dies("quorum, durable", "classic, not durable")
    assert _clashes(place) == [f"blocker queue heat-engine-listener: {found}"]


def test_a_classic_queue_under_a_quorum_configuration(place: Place) -> None:
    place.rabbitmq.declare_queue(place.new, "engine.ctl1")
    found = _dies("classic, not durable", "quorum, durable, x-delivery-limit=5")
    options = ("rabbit_quorum_queue = true", "rabbit_quorum_delivery_limit = 5")
    assert _clashes(place, *options) == [f"blocker queue engine.ctl1: {found}"]
    query = "?rabbit_quorum_queue=1&rabbit_quorum_delivery_limit=5"
    assert _clashes(place, query=query) == [f"blocker queue engine.ctl1: {found}"]


def test_an_exchange_that_is_durable(place: Place) -> None:
    place.put("exchanges/{new}/heat", {"type": "topic", "durable": True})
    found = _dies("topic, durable", "topic, not durable")
    assert _clashes(place) == [f"blocker exchange heat: {found}"]
    assert _clashes(place, "amqp_durable_queues = true") == []


def test_an_exchange_at_which_oslo_messaging_falls_back(place: Place) -> None:
    place.put("exchanges/{new}/heat", {"type": "topic", "durable": False})
    place.rabbitmq.declare_queue(place.new, "engine")
    (said,) = _clashes(place, "amqp_durable_queues = true")
    assert said.startswith("warning exchange heat: is not durable")
    assert any(said.startswith("blocker") for said in _clashes(place, "rabbit_quorum_queue = yes"))


def test_an_argument_that_heat_does_not_give(place: Place) -> None:
    arguments: dict[str, Any] = {"x-message-ttl": 1000}
    place.rabbitmq.declare_queue(place.new, "engine_worker", **arguments)
    found = _dies("classic, not durable, x-message-ttl=1000", "classic, not durable")
    assert _clashes(place) == [f"blocker queue engine_worker: {found}"]


def test_a_default_queue_type_makes_durable_queues_of_it(place: Place) -> None:
    _make_again(place, place.new, "quorum")
    place.rabbitmq.declare_queue(place.new, "engine_worker", durable=True)
    assert _clashes(place, "amqp_durable_queues = true") == []
    classic: dict[str, Any] = {"x-queue-type": "classic"}
    place.rabbitmq.declare_queue(place.new, "engine", durable=True, **classic)
    found = _dies("classic, durable", "quorum, durable")
    assert _clashes(place, "amqp_durable_queues = true") == [f"blocker queue engine: {found}"]


def test_options_that_contradict_each_other(place: Place) -> None:
    said = _clashes(place, "rabbit_quorum_queue = true", "rabbit_ha_queues = true")
    assert [each.partition(":")[0] for each in said] == ["blocker [oslo_messaging_rabbit]"]


def test_an_option_that_is_malformed(place: Place) -> None:
    with pytest.raises(Unobserved, match="rabbit_quorum_queue of the target release is not true"):
        _clashes(place, "rabbit_quorum_queue = perhaps")


# --- vhost.notifications


def _notified(site: Site) -> Judgement:
    found = notifications.observe(site)
    adapter = TypeAdapter(Notifications)
    assert adapter.validate_json(adapter.dump_json(found), strict=False) == found
    check = check_at("vhost.notifications", "vhost")
    return judge(check, "post", of=site.plan, notifications=found)


SENT = "[oslo_messaging_notifications]\ndriver = messagingv2\n"


@pytest.mark.parametrize("driver", ["", "driver =", "driver = noop", "driver = log\ndriver = test"])
def test_nothing_is_sent(place: Place, driver: str) -> None:
    assert _green(_notified(place.site(f"[oslo_messaging_notifications]\n{driver}")))


@pytest.fixture
def reader(place: Place) -> Iterator[None]:
    """A consumer of both notification queues on the old vhost, as its statistics show it."""
    address = f"127.0.0.1:{place.rabbitmq.amqp_port}"
    account = (place.rabbitmq.administrator, place.rabbitmq.administrator_password)
    connection = amqp.Connection(address, *account, virtual_host=place.old)
    connection.connect()
    channel = connection.channel()
    for name in ("notifications.info", "notifications.error"):
        place.rabbitmq.declare_queue(place.old, name)
        channel.basic_consume(name)
    path = f"queues/{quote(place.old, safe='')}"
    until(
        lambda: all(row.get("consumers") for row in place.rabbitmq.call("GET", path)),
        "the consumer in the statistics of both queues",
    )
    yield
    connection.close()


@pytest.mark.usefixtures("reader")
def test_notifications_with_and_without_a_reader(place: Place) -> None:
    url = place.rabbitmq.url(place.old, place.user, PASSWORD)
    assert _green(_notified(place.site(f"{SENT}transport_url = {url}\n")))
    for name in ("notifications.info", "notifications.error"):
        place.rabbitmq.declare_queue(place.new, name)

    def ask() -> Judgement:
        # Until the statistics know the new queues, nothing is known of their consumers.
        gate = _notified(place.site(SENT))
        assert all("does not say whether queue notifications" in each for each in gate.unknowns)
        return gate

    said = _said(settled(ask, lambda gate: not gate.unknowns, "the new queues in the statistics"))
    assert [each.split(" and holds")[0] for each in said] == [
        f"warning queue notifications.{level}: has no consumer on vhost {place.new}"
        for level in ("info", "error")
    ]


def test_notification_queues_that_do_not_exist_yet(place: Place) -> None:
    site = place.site(f"{SENT}driver = routing\ntopics = first, second\n")
    gate = _notified(site)
    assert [each.object for each in gate.findings] == [
        "notification driver routing",
        "queue first.info",
        "queue first.error",
        "queue second.info",
        "queue second.error",
    ]
    assert {each.level for each in gate.findings} == {"warning"}


def test_notifications_to_a_place_that_cannot_be_seen(place: Place) -> None:
    elsewhere = f"{SENT}transport_url = kafka://elsewhere:9092\n"
    gate = _notified(place.site(elsewhere))
    assert "only RabbitMQ can be observed" in gate.unknowns[0]
    gate = _notified(place.site(elsewhere, current=elsewhere))
    assert [each.level for each in gate.findings] == ["note"]
    assert gate.unknowns == []


def test_notifications_on_other_brokers(place: Place) -> None:
    elsewhere = f"{SENT}transport_url = rabbit://heat:{PASSWORD}@elsewhere:5672/n\n"
    site = place.site(elsewhere, plan={"broker": {}})
    assert "is on other brokers (elsewhere)" in _notified(site).unknowns[0]


def test_a_target_on_other_brokers(place: Place) -> None:
    site = place.site(plan={"broker": {}})
    target = place.folder / "target.conf"
    target.write_text(f"[DEFAULT]\ntransport_url = rabbit://h:{PASSWORD}@elsewhere/new\n", "utf-8")
    with pytest.raises(Unobserved, match=r"other brokers \(elsewhere\)"):
        new_vhost.observe(site)


def test_no_vhost_is_new(place: Place) -> None:
    with pytest.raises(NotConfigured):
        new_vhost.observe(place.site(plan={"mode": "cold"}))
    with pytest.raises(NotConfigured):
        new_vhost.observe(place.site(vhost=place.old, plan={"broker": {"isolation": "shared"}}))


def test_a_vhost_that_only_the_plan_calls_shared_is_looked_at(place: Place) -> None:
    broker = {"isolation": "shared", "management": [place.rabbitmq.management_url]}
    assert new_vhost.observe(place.site(plan={"broker": broker})).name == place.new
