"""RabbitMQ's management API behind TLS with a private authority, and behind a proxy's prefix."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker import listeners, old_queues
from tests.services import processes
from tests.services.evidence.test_broker import PASSWORD, broker_site
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


def test_tls_is_verified_with_the_authority_that_the_plan_names(tmp_path: Path) -> None:
    port = free_port()
    for name in ("own", "other"):
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                *("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"),
                *("-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.pem"),
            ],
            check=True,
            capture_output=True,
        )
    settings = (
        "management.ssl.ip = 127.0.0.1",
        f"management.ssl.port = {port}",
        f"management.ssl.cacertfile = {tmp_path / 'own.pem'}",
        f"management.ssl.certfile = {tmp_path / 'own.pem'}",
        f"management.ssl.keyfile = {tmp_path / 'own.key'}",
        "disk_free_limit.absolute = 50MB",
    )
    urls = [f"https://127.0.0.1:{port}"]
    with RabbitMQ(tmp_path / "rabbitmq", *settings) as server:
        server.add_user("heat", PASSWORD, "monitoring", {"/": (".*", ".*", ".*")})
        trusted: dict[str, Any] = {"management": urls, "ca_file": tmp_path / "own.pem"}
        assert (
            listeners.observe(broker_site(tmp_path, server, "/", **trusted)).management == urls[0]
        )
        plans: tuple[dict[str, Any], ...] = (
            {"management": urls},
            {**trusted, "ca_file": tmp_path / "other.pem"},
        )
        for plan in plans:
            with pytest.raises(Unobserved, match=r"certificate is not trusted; name .* as ca_file"):
                listeners.observe(broker_site(tmp_path, server, "/", **plan))
        missing = {**trusted, "ca_file": tmp_path / "missing.pem"}
        with pytest.raises(Unobserved, match=r"missing\.pem"):
            listeners.observe(broker_site(tmp_path, server, "/", **missing))


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
