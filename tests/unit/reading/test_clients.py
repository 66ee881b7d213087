"""Heat's own processes are told from those of other services, where they share one account."""

from dataclasses import replace

import pytest

from heat_upgrade_checks.evidence.broker.connections import Client, VhostClients
from heat_upgrade_checks.heat.programs import is_of_another_service
from heat_upgrade_checks.reading.clients import Role, role
from tests.facts import connections_of

UWSGI = Client("uwsgi", 21, "ctl1", "heat", 2, ("reply_1f",))
MANAGED = "reply_ctl1:{}:3"


def _role(client: Client, **side: object) -> Role:
    clients: VhostClients = connections_of(old=(client,)).old
    return role(client, replace(clients, **side))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "program",
    [
        "nova-conductor",
        "nova-api",
        "neutron-openvswitch-agent",
        "cinder-scheduler",
        "octavia_api",
        "keystone",
    ],
)
def test_programs_of_other_services(program: str) -> None:
    assert is_of_another_service(program)
    assert _role(replace(UWSGI, program=program)) is Role.OTHER


@pytest.mark.parametrize(
    "program",
    [
        "",
        "uwsgi",
        "uwsgi-core",
        "mod_wsgi",
        "(wsgi:nova-api)",
        "python3",
        "api.py",
        "openstack-heat-api",
        "heat-something",
        "novatel",
        "acme-engine",
    ],
)
def test_any_other_name_that_waits_for_answers_may_be_an_api(program: str) -> None:
    assert not is_of_another_service(program)
    assert _role(replace(UWSGI, program=program)) is Role.API
    assert _role(replace(UWSGI, program=program, user="nova")) is Role.UNKNOWN


@pytest.mark.parametrize(
    ("callers", "expected"),
    [
        (["heat-api"], Role.API),
        (["heat-api-cfn"], Role.API),
        (["heat-engine"], Role.ENGINE),
        (["nova-api"], Role.OTHER),
        (["nova-api", "cinder-api"], Role.OTHER),
        (["nova-api", "heat-api"], Role.API),
        (["nova-api", "uwsgi"], Role.API),
        (["uwsgi"], Role.API),
    ],
)
def test_reply_queues_name_their_program(callers: list[str], expected: Role) -> None:
    client = replace(UWSGI, reads=tuple(map(MANAGED.format, callers)))
    assert _role(client) is expected


def test_a_reply_queue_without_a_name_leaves_the_doubt() -> None:
    assert _role(replace(UWSGI, reads=(MANAGED.format("nova-api"), "reply_1f"))) is Role.API


@pytest.mark.parametrize(
    ("publishes", "silent", "expected"),
    [
        ((), 1, Role.API),
        (("nova",), 0, Role.OTHER),
        (("nova", "scheduler_fanout"), 0, Role.OTHER),
        (("nova",), 1, Role.API),
        (("heat",), 0, Role.API),
        (("heat", "nova"), 0, Role.API),
        (("engine_worker_fanout",), 0, Role.API),
    ],
)
def test_what_is_published_to(publishes: tuple[str, ...], silent: int, expected: Role) -> None:
    assert _role(replace(UWSGI, publishes=publishes, silent=silent)) is expected


def test_heats_exchange_may_have_another_name() -> None:
    client = replace(UWSGI, publishes=("orchestration",))
    assert _role(client) is Role.OTHER
    assert _role(client, exchanges=("heat", "orchestration")) is Role.API


def test_who_reads_engines_queues_is_an_engine_whatever_its_name() -> None:
    assert _role(replace(UWSGI, program="nova-api", reads=("engine_worker",))) is Role.ENGINE
