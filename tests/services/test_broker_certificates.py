"""broker.tls-hostname on a real RabbitMQ that speaks TLS."""

import subprocess
from pathlib import Path

import pytest

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence import broker_certificates
from heat_upgrade_checks.evidence.release import Release
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.judgement import Judgement
from heat_upgrade_checks.plan import Plan
from tests.services.processes import free_port
from tests.services.rabbitmq import RabbitMQ
from tests.unit.checks import judge, module

CHECK = module("check_broker").check_broker_certificates_name_their_hosts


def _certificate(folder: Path, name: str, alternative: str) -> Path:
    pem = folder / f"{name}.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", f"/CN={name}", "-addext", f"subjectAltName={alternative}"),
            *("-keyout", folder / f"{name}.key", "-out", pem),
        ],
        check=True,
        capture_output=True,
    )
    return pem


def _site(folder: Path, port: int, options: str) -> Site:
    conf = folder / "target.conf"
    url = f"rabbit://heat:canary-of-a-broker@127.0.0.1:{port}/heat"
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
    port, own = free_port(), _certificate(tmp_path, "broker", alternative)
    other = _certificate(tmp_path, "other", "IP:127.0.0.1")
    settings = (
        f"listeners.ssl.1 = 127.0.0.1:{port}",
        f"ssl_options.cacertfile = {own}",
        f"ssl_options.certfile = {own}",
        f"ssl_options.keyfile = {own.with_suffix('.key')}",
        "disk_free_limit.absolute = 50MB",
    )
    with RabbitMQ(tmp_path / "rabbitmq", *settings):
        gate = _judge(_site(tmp_path, port, f"ssl = true\nssl_ca_file = {own}\n"), version)
        wrong = _judge(_site(tmp_path, port, f"ssl = true\nssl_ca_file = {other}\n"), version)
    assert [finding.level for finding in gate.findings] == ([level] if level else [])
    assert all(finding.summary.startswith(words) for finding in gate.findings)
    (finding,) = wrong.findings
    assert finding.level == "blocker"
    assert finding.summary.startswith("has a certificate that is not trusted: self-signed")


@pytest.mark.parametrize("options", ["", "ssl = true\n"])
def test_without_an_authority_nothing_is_verified(tmp_path: Path, options: str) -> None:
    with pytest.raises(NotConfigured, match="does not verify its broker"):
        broker_certificates.observe(_site(tmp_path, 1, options))


def test_a_broker_that_does_not_answer(tmp_path: Path) -> None:
    own = _certificate(tmp_path, "broker", "IP:127.0.0.1")
    site = _site(tmp_path, free_port(), f"ssl = true\nssl_ca_file = {own}\n")
    with pytest.raises(Unobserved, match="does not answer by TLS"):
        broker_certificates.observe(site)
