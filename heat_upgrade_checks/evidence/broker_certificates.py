"""The certificates with which the target's brokers answer, verified as the target will do it."""

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence import messaging_options
from heat_upgrade_checks.evidence.heat_conf import BrokerHost
from heat_upgrade_checks.evidence.site import Site

_TIMEOUT = 10
# X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_EMAIL_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH.
_NAME_MISMATCH = range(62, 65)


@dataclass(frozen=True)
class Certificate:
    """One broker's certificate: whether it is trusted, and names the host; else why not."""

    broker: str
    trusted: bool
    names_host: bool
    complaint: str


@dataclass(frozen=True)
class BrokerCertificates:
    """The certificate of each broker in the target's transport_url."""

    ca_file: str
    certificates: tuple[Certificate, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        brokers = ", ".join(certificate.broker for certificate in self.certificates)
        return f"certificates of {brokers}, with the authority {self.ca_file}"


def observe(site: Site) -> BrokerCertificates:
    """Open TLS to each broker and close it again; nothing is sent over it."""
    conf = site.conf("target")
    options = messaging_options.read_login(conf)
    if not options.tls or not options.ca_file:
        raise NotConfigured(
            "the target release does not verify its broker: "
            "it sets no ssl, or no ssl_ca_file, in [oslo_messaging_rabbit]"
        )
    try:
        context = ssl.create_default_context(cafile=options.ca_file)
    except (OSError, ssl.SSLError):
        raise Unobserved(
            f"ssl_ca_file {options.ca_file} of the target release cannot be read as certificates; "
            "correct it"
        ) from None
    certificates = tuple(_certificate(host, context) for host in conf.transport().hosts)
    return BrokerCertificates(str(Path(options.ca_file)), certificates)


def _certificate(host: BrokerHost, context: ssl.SSLContext) -> Certificate:
    broker = f"{host.host}:{host.port}"
    try:
        with (
            socket.create_connection((host.host, host.port), _TIMEOUT) as plain,
            context.wrap_socket(plain, server_hostname=host.host),
        ):
            return Certificate(broker, True, True, "")
    except ssl.SSLCertVerificationError as error:
        mismatch = error.verify_code in _NAME_MISMATCH
        return Certificate(broker, mismatch, False, error.verify_message)
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
        raise Unobserved(
            f"RabbitMQ at {broker} does not answer by TLS ({reason}); "
            "correct transport_url of the target release, or run this where its brokers are reached"
        ) from None
