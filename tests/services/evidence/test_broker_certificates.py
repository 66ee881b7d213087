"""broker.tls-hostname on a real RabbitMQ that speaks TLS."""

import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.broker import certificates as broker_certificates
from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.configuration.messaging_options import LoginOptions
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.plan import Plan
from tests.judging import check_at, judge
from tests.services.processes import free_port
from tests.services.rabbitmq import RabbitMQ

CHECK = check_at("broker.tls-hostname", "installed")


def _certificate(folder: Path, name: str, alternative: str, *issuer: str | Path) -> Path:
    pem = folder / f"{name}.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", f"/CN={name}", "-addext", f"subjectAltName={alternative}"),
            *("-keyout", folder / f"{name}.key", "-out", pem, *issuer),
        ],
        check=True,
        capture_output=True,
    )
    return pem


def _site(folder: Path, port: int, options: str, *others: str) -> Site:
    conf = folder / "target.conf"
    brokers = (f"127.0.0.1:{port}", *others)
    url = f"rabbit://{','.join(f'heat:canary-of-a-broker@{each}' for each in brokers)}/heat"
    conf.write_text(
        f"[DEFAULT]\ntransport_url = {url}\n[oslo_messaging_rabbit]\n{options}", "utf-8"
    )
    plan = {
        "name": "services",
        "mode": "rolling",
        "current": {"version": "26.0.2"},
        "target": {"version": "27.0.1", "config": [str(conf)]},
    }
    return Site(Plan.model_validate(plan), folder)


def _judge(site: Site, version: str) -> Judgement:
    release = Release(version, "", "", "", (), None, "", "")
    facts = broker_certificates.observe(site)
    return judge(CHECK, "installed", broker_certificates=facts, target_release=release)


@pytest.mark.parametrize(
    ("alternative", "version", "level", "words"),
    [
        ("IP:127.0.0.1", "27.0.1", None, ""),
        ("DNS:rabbit.example", "27.0.1", "blocker", "has a certificate for another name: IP"),
        ("DNS:rabbit.example", "26.0.2", "warning", "has a certificate for another name: IP"),
    ],
)
def test_the_name_in_the_certificate(
    tmp_path: Path, alternative: str, version: str, level: str | None, words: str
) -> None:
    """The broker asks for a certificate in return, as TLS 1.2 does within the handshake."""
    port, own = free_port(), _certificate(tmp_path, "broker", alternative)
    other = _certificate(tmp_path, "other", "IP:127.0.0.1")
    settings = (
        f"listeners.ssl.1 = 127.0.0.1:{port}",
        f"ssl_options.cacertfile = {own}",
        f"ssl_options.certfile = {own}",
        f"ssl_options.keyfile = {own.with_suffix('.key')}",
        "ssl_options.verify = verify_peer",
        "ssl_options.fail_if_no_peer_cert = true",
        "ssl_options.versions.1 = tlsv1.2",
        "disk_free_limit.absolute = 50MB",
    )
    issuer = ("-CA", own, "-CAkey", own.with_suffix(".key"))
    heat = _certificate(tmp_path, "heat", "DNS:heat", *issuer)
    login = f"ssl = true\nssl_cert_file = {heat}\nssl_key_file = {heat.with_suffix('.key')}\n"
    with RabbitMQ(tmp_path / "rabbitmq", *settings):
        gate = _judge(_site(tmp_path, port, f"{login}ssl_ca_file = {own}\n"), version)
        wrong = _judge(_site(tmp_path, port, f"{login}ssl_ca_file = {other}\n"), version)
    assert [finding.level for finding in gate.findings] == ([level] if level else [])
    assert all(finding.summary.startswith(words) for finding in gate.findings)
    (finding,) = wrong.findings
    assert finding.level == "blocker"
    assert finding.summary.startswith("has a certificate that is not trusted: self-signed")


@contextmanager
def _answering(certificate: Path, address: str = "127.0.0.1") -> Iterator[int]:
    """A server that does no more than the handshake; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            # A client that refuses the certificate leaves.
            with suppress(OSError), context.wrap_socket(self.request, server_side=True):
                pass

    with ThreadingTCPServer((address, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_of_several_brokers_each_must_name_all_to_be_failed_over_to(tmp_path: Path) -> None:
    first = _certificate(tmp_path, "first", "IP:127.0.0.1")
    second = _certificate(tmp_path, "second", "IP:127.0.0.1,IP:127.0.0.2")
    authorities = tmp_path / "authorities.pem"
    authorities.write_text(first.read_text() + second.read_text(), "utf-8")
    options = f"ssl = true\nssl_ca_file = {authorities}\n"
    with ExitStack() as stack:
        port = stack.enter_context(_answering(first))
        other = f"127.0.0.2:{stack.enter_context(_answering(second, '127.0.0.2'))}"
        gate = _judge(_site(tmp_path, port, options, other), "27.0.1")
        assert _judge(_site(tmp_path, port, options, other), "26.0.2").findings == []
        assert _judge(_site(tmp_path, port, options), "27.0.1").findings == []
    (finding,) = gate.findings
    assert (finding.level, finding.object) == ("warning", f"broker 127.0.0.1:{port}")
    assert "does not name 127.0.0.2; Heat cannot fail over from there" in finding.summary


@pytest.mark.parametrize("options", ["", "ssl = true\nssl_version = TLSv1_2\n"])
def test_where_nothing_is_verified(tmp_path: Path, options: str) -> None:
    with pytest.raises(NotConfigured, match="does not verify its broker"):
        broker_certificates.observe(_site(tmp_path, 1, options))


def test_without_a_file_the_machines_authorities_are_asked_and_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = _certificate(tmp_path, "broker", "DNS:rabbit.example")
    with _answering(own) as port:
        site = _site(tmp_path, port, "ssl = true\n")
        unknown = _judge(site, "27.0.1")
        monkeypatch.setenv("SSL_CERT_FILE", str(own))
        assert _judge(site, "27.0.1").findings == []
    (finding,) = unknown.findings
    assert finding.level == "warning"
    assert "this machine's authorities do not vouch for: self-signed" in finding.summary


def test_a_broker_is_verified_no_stricter_than_heat_does() -> None:
    options = LoginOptions(None, True, None, None, None, None)
    # create_default_context adds VERIFY_X509_STRICT on Python 3.13.
    flags = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).verify_flags
    assert broker_certificates._context(options).verify_flags == flags


def test_a_key_with_a_password_is_not_asked_for(tmp_path: Path) -> None:
    own = _certificate(tmp_path, "broker", "IP:127.0.0.1")
    key = tmp_path / "locked.key"
    subprocess.run(
        [
            *("openssl", "rsa", "-aes256", "-passout", "pass:canary", "-out", key),
            *("-in", own.with_suffix(".key")),
        ],
        check=True,
        capture_output=True,
    )
    site = _site(tmp_path, 1, f"ssl = true\nssl_cert_file = {own}\nssl_key_file = {key}\n")
    with pytest.raises(Unobserved, match="ssl_key_file, cannot be read"):
        broker_certificates.observe(site)


def test_a_broker_that_does_not_answer(tmp_path: Path) -> None:
    own = _certificate(tmp_path, "broker", "IP:127.0.0.1")
    site = _site(tmp_path, free_port(), f"ssl = true\nssl_ca_file = {own}\n")
    with pytest.raises(Unobserved, match="does not answer by TLS"):
        broker_certificates.observe(site)
