"""RabbitMQ's management API behind TLS with a private authority, and behind a proxy's prefix."""

import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker import listeners, old_queues
from tests.services import processes
from tests.services.evidence.broker_sites import PASSWORD, broker_site
from tests.services.processes import free_port
from tests.services.rabbitmq import RabbitMQ

_PROXY = """\
global
    maxconn 50
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend management
    bind 127.0.0.1:{port}
    http-request deny deny_status 404 unless {{ path_beg /rabbit/ }}
    http-request replace-path /rabbit(/.*) \\1
    default_backend rabbitmq
backend rabbitmq
    server one 127.0.0.1:{management}
"""


def _certificate(folder: Path, name: str, *options: str) -> Path:
    """A certificate and, beside it, its key."""
    command = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}")
    files = ("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem")
    subprocess.run([*command, *options, *files], check=True, capture_output=True)
    return folder / f"{name}.pem"


@pytest.fixture(scope="module")
def behind_tls(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[RabbitMQ, int, dict[str, Path]]]:
    """A RabbitMQ that is managed by TLS, on which port, and certificates: its own and another."""
    folder, port = tmp_path_factory.mktemp("tls"), free_port()
    names = ("-days", "2", "-addext", "subjectAltName=IP:127.0.0.1")
    made = {name: _certificate(folder, name, *names) for name in ("own", "other")}
    settings = (
        "management.ssl.ip = 127.0.0.1",
        f"management.ssl.port = {port}",
        f"management.ssl.cacertfile = {made['own']}",
        f"management.ssl.certfile = {made['own']}",
        f"management.ssl.keyfile = {made['own'].with_suffix('.key')}",
        "disk_free_limit.absolute = 50MB",
    )
    with RabbitMQ(folder / "rabbitmq", *settings) as server:
        server.add_user("heat", PASSWORD, "monitoring", {"/": (".*", ".*", ".*")})
        yield server, port, made


def test_tls_is_verified_with_the_authority_that_the_plan_names(
    behind_tls: tuple[RabbitMQ, int, dict[str, Path]], tmp_path: Path
) -> None:
    server, port, made = behind_tls
    urls = [f"https://127.0.0.1:{port}"]
    trusted: dict[str, Any] = {"management": urls, "ca_file": made["own"]}
    assert listeners.observe(broker_site(tmp_path, server, "/", **trusted)).management == urls[0]
    missing = {**trusted, "ca_file": tmp_path / "missing.pem"}
    with pytest.raises(Unobserved, match=r"missing\.pem"):
        listeners.observe(broker_site(tmp_path, server, "/", **missing))


def test_each_fault_of_tls_is_told_by_itself(
    behind_tls: tuple[RabbitMQ, int, dict[str, Path]], tmp_path: Path
) -> None:
    server, port, made = behind_tls
    url, plain = f"https://127.0.0.1:{port}", f"https://127.0.0.1:{server.management_port}"
    named = f"https://localhost:{port}"
    faults = (
        (url, None, r"not trusted \(self.signed certificate\); name .* as broker\.ca_file"),
        (url, made["other"], r"not trusted \(.*\); name the authority's file as broker\.ca_file"),
        (named, made["own"], r"for another name; write a name that it has in broker\.management"),
        (plain, made["own"], r"nobody speaks TLS there; write http:// in broker\.management"),
    )
    for where, authority, words in faults:
        plan: dict[str, Any] = {
            "management": [where],
            **({"ca_file": authority} if authority else {}),
        }
        with pytest.raises(Unobserved, match=f"{where}: .*{words}") as refused:
            listeners.observe(broker_site(tmp_path, server, "/", **plan))
        assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize(
    ("begins", "ends", "words"),
    [
        (-2, -1, "has expired; renew it on the broker"),
        (1, 2, "is not valid yet; correct the clock"),
    ],
)
def test_a_certificate_out_of_its_time(
    rabbitmq: RabbitMQ, tmp_path: Path, begins: int, ends: int, words: str
) -> None:
    certificate = _valid_between(tmp_path, timedelta(days=begins), timedelta(days=ends))
    with _shown(certificate) as url:
        site = broker_site(tmp_path, rabbitmq, "/", management=[url], ca_file=certificate)
        with pytest.raises(Unobserved, match=f"{url}: its TLS certificate {words}"):
            listeners.observe(site)


def _valid_between(folder: Path, begin: timedelta, end: timedelta) -> Path:
    """A certificate with its key in one file; OpenSSL's program makes none that has expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rabbit")])
    now, here = datetime.now(UTC), x509.IPAddress(ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + begin)
        .not_valid_after(now + end)
        .add_extension(x509.SubjectAlternativeName([here]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / "dated.pem"
    path.write_bytes(private + made.public_bytes(Encoding.PEM))
    return path


@contextmanager
def _shown(certificate: Path) -> Iterator[str]:
    """The URL of a server that has this certificate, and says nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                context.wrap_socket(self.request, server_side=True)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_path_prefix_in_front(rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    port = free_port()
    configuration = tmp_path / "haproxy.cfg"
    text = _PROXY.format(port=port, management=rabbitmq.management_port)
    configuration.write_text(text, encoding="utf-8")
    vhost = "/behind/a proxy"
    rabbitmq.add_vhost(vhost)
    rabbitmq.add_user("heat", PASSWORD, "monitoring", {vhost: (".*", ".*", ".*")})
    rabbitmq.declare_queue(vhost, "engine_worker")
    command: list[str | Path] = [processes.program("haproxy", "haproxy"), "-f", configuration]
    proxy = processes.Process("haproxy", command, tmp_path / "haproxy.log")
    try:
        proxy.wait_until(lambda: processes.listening(port), "listening")
        for url in (f"http://127.0.0.1:{port}/rabbit", f"http://127.0.0.1:{port}/rabbit/"):
            site = broker_site(tmp_path, rabbitmq, vhost, management=[url])
            found = old_queues.observe(site)
            assert [queue.name for queue in found.samples[0].queues] == ["engine_worker"]
        without = broker_site(tmp_path, rabbitmq, vhost, management=[f"http://127.0.0.1:{port}"])
        with pytest.raises(Unobserved, match="answers 404 to GET api/whoami"):
            old_queues.observe(without)
    finally:
        proxy.kill()
