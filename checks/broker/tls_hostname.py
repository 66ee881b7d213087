from heat_upgrade_checks.evidence.broker.certificates import BrokerCertificates
from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat import releases
from heat_upgrade_checks.heat.series_libraries import VERIFIES_HOSTNAME


@check("broker.tls-hostname", phases=["installed"], guide="rolling 1, cold 2-4")
def check_broker_certificates_name_their_hosts(
    broker_certificates: BrokerCertificates, target_release: Release, gate: Judgement
) -> None:
    """The broker's certificate names the hosts in the target's transport_url."""
    gate.looked_at(broker_certificates.extent)
    enforced = releases.parse(target_release.version).major >= VERIFIES_HOSTNAME
    for certificate in broker_certificates.certificates:
        if certificate.names_host:
            if enforced and certificate.unnamed:
                gate.warn(
                    f"broker {certificate.broker}",
                    f"has a certificate that does not name {', '.join(certificate.unnamed)}; Heat "
                    "cannot fail over from there to it: it goes on to expect the name of the "
                    "broker that it tried first",
                    hint="Issue it with the names, or the IP addresses, of all brokers in "
                    "transport_url as subjectAltNames.",
                )
            continue
        if not certificate.trusted and not broker_certificates.ca_file:
            gate.warn(
                f"broker {certificate.broker}",
                "has a certificate that this machine's authorities do not vouch for: "
                f"{certificate.complaint}",
                hint="Without ssl_ca_file in [oslo_messaging_rabbit] Heat takes those of the "
                "machine it runs on: set it, or make sure that the authority is known there.",
            )
            continue
        if not certificate.trusted:
            gate.block(
                f"broker {certificate.broker}",
                f"has a certificate that is not trusted: {certificate.complaint}",
                hint="Correct ssl_ca_file in [oslo_messaging_rabbit], or the broker's certificate.",
            )
            continue
        say = gate.block if enforced else gate.warn
        say(
            f"broker {certificate.broker}",
            f"has a certificate for another name: {certificate.complaint}",
            hint="Issue it for the names, or the IP addresses, that stand in transport_url."
            + ("" if enforced else " From 2026.2 on Heat does not connect without."),
        )
