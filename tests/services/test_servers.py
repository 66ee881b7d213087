"""Each private server starts, answers, survives a restart and leaves nothing behind."""

from pathlib import Path

import pytest

from tests.services import processes
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.services.processes import Process, ServerError
from tests.services.rabbitmq import RabbitMQ
from tests.waiting import until

LOOPBACK = {"0100007F": "127.0.0.1", "00000000000000000000000001000000": "::1"}


@pytest.mark.parametrize(
    ("kind", "dumped"),
    [(MariaDB, "CREATE TABLE `stack`"), (PostgreSQL, "CREATE TABLE public.stack")],
)
def test_a_database_keeps_data_and_port_over_a_restart(
    kind: type[MariaDB] | type[PostgreSQL], dumped: str, tmp_path: Path
) -> None:
    with kind(tmp_path) as server:
        server.add_database("heat", "heat", "secret/with@odd:characters")
        server.execute("CREATE TABLE stack (id INT)", database="heat")
        server.execute("INSERT INTO stack VALUES (%s)", (7,), database="heat")
        port, first = server.port, server.pids
        server.stop()
        assert not processes.listening(port)
        server.start()
        assert server.port == port
        assert server.execute("SELECT id FROM stack", database="heat") == [(7,)]
        server.dump("heat", tmp_path / "backup" / "heat.sql")
        second = server.pids
    assert dumped in (tmp_path / "backup" / "heat.sql").read_text()
    assert not any(map(processes.is_alive, first + second))


def test_rabbitmq_keeps_vhosts_and_ports_over_a_restart(tmp_path: Path) -> None:
    with RabbitMQ(tmp_path) as broker:
        broker.add_vhost("heat/n")
        broker.add_user("heat", "secret", "monitoring", {"heat/n": (".*", ".*", ".*")})
        broker.declare_queue("heat/n", "engine_worker")
        broker.publish("heat/n", "engine_worker", "lost work")
        (queue,) = broker.queues("heat/n")
        assert (queue["name"], queue["messages"]) == ("engine_worker", 1)
        with pytest.raises(ServerError, match="has no queue nobody"):
            broker.publish("heat/n", "nobody", "work")
        first, ports = broker.pids, (broker.amqp_port, broker.management_port)
        broker.stop()
        assert not any(map(processes.listening, ports))
        broker.start()
        assert (broker.amqp_port, broker.management_port) == ports
        assert "heat/n" in {vhost["name"] for vhost in broker.call("GET", "vhosts")}
        second = broker.pids
    assert not any(map(processes.is_alive, first + second))


def test_all_ports_of_a_broker_are_on_the_loopback_interface(rabbitmq: RabbitMQ) -> None:
    listeners = set(listening_addresses(rabbitmq.pids))
    assert len(listeners) >= 4  # epmd, distribution, AMQP, management
    # epmd listens on ::1 whatever it is told.
    assert {address for address, _port in listeners} <= {"127.0.0.1", "::1"}


def test_all_ports_of_databases_are_on_the_loopback_interface(
    mariadb: MariaDB, postgresql: PostgreSQL
) -> None:
    listeners = set(listening_addresses(mariadb.pids + postgresql.pids))
    assert listeners == {("127.0.0.1", mariadb.port), ("127.0.0.1", postgresql.port)}


def test_a_server_that_dies_at_start_shows_its_log(tmp_path: Path) -> None:
    process = Process(
        "heat-engine", ["sh", "-c", "echo no transport_url; exit 3"], tmp_path / "engine.log"
    )
    with pytest.raises(
        ServerError, match=r"(?s)heat-engine ended with 3 before answering.*no transport_url"
    ):
        process.wait_until(lambda: False, "answering")
    process.kill()


def test_killing_a_server_takes_its_orphaned_workers_too(tmp_path: Path) -> None:
    process = Process(
        "engine", ["sh", "-c", "sleep 300 & sleep 300 & exit 0"], tmp_path / "engine.log"
    )
    until(lambda: not process.alive, "the master gone")
    workers = process.pids
    assert len(workers) == 2
    process.kill()
    assert process.pids == []


def test_a_missing_program_is_named_with_its_package() -> None:
    with pytest.raises(
        ServerError, match="no-such-server is not installed: apt-get install some-package"
    ):
        processes.program("no-such-server", "some-package")


def listening_addresses(pids: list[int]) -> list[tuple[str, int]]:
    """The addresses on which these processes accept connections, as the kernel tells them."""
    sockets = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            if descriptor.is_symlink():
                sockets.add(str(descriptor.readlink()))
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, _, port = fields[1].partition(":")
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.append((LOOPBACK.get(address, address), int(port, 16)))
    return found
