"""The new vhost on a real RabbitMQ and the account there: for each check a red one and a green."""

import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.broker import new_vhost
from tests.services.evidence.new_vhosts import (
    PASSWORD,
    Place,
    engine_workers,
    is_green,
    judged,
    make_place,
    said_of,
    watch_as,
)
from tests.services.processes import free_port
from tests.services.rabbitmq import RabbitMQ

# --- vhost.exists


def test_the_vhost_exists(place: Place) -> None:
    assert is_green(judged("vhost.exists", place.site()))


def test_the_vhost_is_missing(place: Place) -> None:
    gate = judged("vhost.exists", place.site(vhost="never-made"))
    assert said_of(gate) == [
        f"blocker vhost never-made: does not exist at {place.rabbitmq.management_url}"
    ]
    assert gate.findings[0].commands == (("rabbitmqctl", "add_vhost", "never-made"),)
    with pytest.raises(NotConfigured, match=r"see vhost\.exists"):
        judged("vhost.permissions", place.site(vhost="never-made"))


def test_a_slash_too_few_is_told(place: Place) -> None:
    site = place.site(vhost=place.new.removeprefix("/"))
    assert f"but {place.new} does" in said_of(judged("vhost.exists", site))[0]


# --- vhost.permissions


def test_every_permission_is_there(place: Place) -> None:
    assert is_green(judged("vhost.permissions", place.site()))


@pytest.mark.parametrize(
    ("right", "first"), [("configure", "engine_fanout"), ("write", "engine_fanout"), ("read", "e")]
)
def test_a_pattern_is_too_narrow(place: Place, right: str, first: str) -> None:
    rights = ("configure", "write", "read")
    patterns = {name: "^heat" if name == right else ".*" for name in rights}
    place.put(f"permissions/{{new}}/{place.user}", patterns)
    gate = judged("vhost.permissions", place.site())
    (said,) = said_of(gate)
    assert said.startswith(f"blocker account {place.user}: may not {right} {first}")
    assert said.endswith("its pattern is '^heat'")
    command = gate.findings[0].commands[0]
    assert command[:5] == ("rabbitmqctl", "set_permissions", "-p", place.new, place.user)
    assert ("amq.default" in gate.findings[0].data["names"]) == (right == "write")


def test_an_empty_pattern_allows_nothing(place: Place) -> None:
    place.put(f"permissions/{{new}}/{place.user}", {"configure": "", "write": ".*", "read": ".*"})
    gate = judged("vhost.permissions", place.site())
    assert "may not configure heat, engine_fanout, engine and" in said_of(gate)[0]


def test_an_account_without_any_permission(place: Place) -> None:
    place.rabbitmq.call(
        "DELETE", f"permissions/{quote(place.new, safe='')}/{quote(place.user, safe='')}"
    )
    said = said_of(judged("vhost.permissions", place.site()))
    assert said == [
        f"blocker account {place.user}: has no permission on vhost {place.new}, or does not exist"
    ]


def test_permissions_that_the_watcher_may_not_see_are_unknown(place: Place) -> None:
    watch_as(place, "monitoring")
    place.put(
        f"permissions/{{new}}/{place.user}", dict.fromkeys(("configure", "write", "read"), "^$")
    )
    gate = judged("vhost.permissions", place.site())
    assert gate.findings == []
    (unknown,) = gate.unknowns
    assert f"the permissions of account {place.user} on vhost {place.new} were not seen" in unknown
    assert f"run: rabbitmqctl set_user_tags {place.watcher} administrator" in unknown
    assert place.rabbitmq.queues(place.new) == [], "nothing is declared"


def test_hidden_permissions_of_an_account_that_works_there_are_concluded(place: Place) -> None:
    watch_as(place, "monitoring")
    plan = {"mode": "cold"}
    site = place.site(vhost=place.old, plan=plan)
    (place.folder / "target.conf").write_text(
        (place.folder / "current.conf").read_text("utf-8"), "utf-8"
    )
    (said,) = said_of(judged("vhost.permissions", site, phase="installed"))
    assert said.startswith(f"note account {place.watcher}: is shown with its permissions")


@pytest.mark.parametrize("tags", ["administrator", "monitoring"])
@pytest.mark.parametrize(
    ("password", "permitted", "words"),
    [
        ("canary-of-a-wrong-password", True, "ACCESS_REFUSED - Login was refused"),
        (PASSWORD, False, "NOT_ALLOWED - access to vhost"),
    ],
)
def test_a_login_that_is_refused(
    place: Place, password: str, permitted: bool, words: str, tags: str
) -> None:
    watch_as(place, tags)
    if not permitted:
        place.rabbitmq.call(
            "DELETE", f"permissions/{quote(place.new, safe='')}/{quote(place.user, safe='')}"
        )
    (said,) = said_of(judged("vhost.permissions", place.site(password=password)))
    assert said.startswith(f"blocker account {place.user}: ")
    if permitted or tags == "monitoring":
        assert "is refused by 127.0.0.1:" in said
        assert words in said
    assert password not in said


def test_a_login_that_cannot_be_tried_is_unknown(place: Place) -> None:
    for options, query, words in (
        # This broker speaks no TLS on its port, and closes a connection that begins with it.
        ("[oslo_messaging_rabbit]\nssl = true", "", "cannot be asked by AMQP"),
        ("", "?ssl=1", "cannot be asked by AMQP"),
        (
            "[oslo_messaging_rabbit]\nssl = true\nssl_ca_file = /no/such/ca.pem",
            "",
            "cannot be asked by AMQP as Heat does (",
        ),
        ("[oslo_messaging_rabbit]\nrabbit_login_method = GSSAPI", "", "by GSSAPI"),
    ):
        gate = judged("vhost.permissions", place.site(options, query=query))
        assert gate.findings == []
        (unknown,) = gate.unknowns
        assert words in unknown


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
        place = make_place(rabbitmq, tmp_path)
        for authority, words in (
            (own, ""),
            (certificates / "other.pem", "its TLS certificate is not trusted: self-signed"),
        ):
            options = f"[oslo_messaging_rabbit]\nssl_ca_file = {authority}\n"
            site = place.site(options, query="?ssl=true", port=port)
            gate = judged("vhost.permissions", site)
            assert gate.findings == []
            assert words in "".join(gate.unknowns)
            assert bool(words) == bool(gate.unknowns)


def test_a_watcher_without_a_tag_sees_nothing(place: Place) -> None:
    watch_as(place, "")
    with pytest.raises(Unobserved, match="monitoring"):
        new_vhost.observe(place.site())


def test_a_new_vhost_that_the_watcher_may_not_see(place: Place) -> None:
    watch_as(place, "monitoring")
    place.rabbitmq.call(
        "DELETE", f"permissions/{quote(place.new, safe='')}/{quote(place.watcher, safe='')}"
    )
    assert is_green(judged("vhost.exists", place.site()))
    for name, facts in (
        ("vhost.queue-arguments", {}),
        ("vhost.policies", {"database": engine_workers(1)}),
    ):
        gate = judged(name, place.site(), **facts)
        assert gate.findings == []
        assert f"set_permissions -p {place.new} {place.watcher} '^$'" in gate.unknowns[0]


def test_the_queues_of_a_cold_upgrade_that_stays_on_its_vhost(place: Place) -> None:
    """The target asks for quorum queues where those of the current release are left."""
    place.rabbitmq.declare_queue(place.old, "engine_worker")
    place.put("exchanges/{old}/heat", {"type": "topic", "durable": False})
    for phase in ("installed", "synced"):
        site = place.site(
            "[oslo_messaging_rabbit]\nrabbit_quorum_queue = true",
            vhost=place.old,
            plan={"mode": "cold"},
        )
        gate = judged("vhost.queue-arguments", site, phase=phase)
        assert [each.object for each in gate.findings] == ["exchange heat", "queue engine_worker"]
        assert {each.level for each in gate.findings} == {"blocker"}
        same = place.site(vhost=place.old, plan={"mode": "cold"})
        assert is_green(judged("vhost.queue-arguments", same, phase=phase))


def test_a_vhost_that_a_cold_upgrade_goes_to_is_missing(place: Place) -> None:
    site = place.site(vhost="never-made", plan={"mode": "cold"})
    for phase in ("installed", "synced"):
        (said,) = said_of(judged("vhost.exists", site, phase=phase))
        assert said.startswith("blocker vhost never-made: does not exist")


def test_a_shared_vhost_is_looked_at_as_well(place: Place) -> None:
    broker = {"isolation": "shared", "management": [place.rabbitmq.management_url]}
    site = place.site(vhost=place.old, plan={"broker": broker})
    place.rabbitmq.declare_queue(place.old, "engine_worker")
    assert is_green(judged("vhost.queue-arguments", site))
