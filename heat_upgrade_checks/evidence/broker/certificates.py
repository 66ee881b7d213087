"""The certificates with which the target's brokers answer, verified as the target will do it."""

import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.configuration import messaging_options
from heat_upgrade_checks.evidence.configuration.heat_conf import BrokerHost
from heat_upgrade_checks.evidence.configuration.messaging_options import LoginOptions
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site

_TIMEOUT = 10
# X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_EMAIL_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH.
_NAME_MISMATCH = range(62, 65)


@dataclass(frozen=True)
class Certificate:
    """One broker's certificate: whether it is trusted, and names the host; else why not.

    `unnamed` are the hosts of the other brokers that it does not name. With several of them
    oslo.messaging from 18.1 on expects of each the name of the one that it tried first, in random
    order: kombu keeps that name when it goes on to the next (kombu/transport/pyamqp.py,
    establish_connection).
    """

    broker: str
    trusted: bool
    names_host: bool
    complaint: str
    unnamed: tuple[str, ...] = ()


@dataclass(frozen=True)
class BrokerCertificates(Facts):
    """The certificate of each broker in the target's transport_url.

    Without `ca_file` Heat trusts the authorities of its machine and asks for no name.
    """

    ca_file: str
    certificates: tuple[Certificate, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        brokers = ", ".join(certificate.broker for certificate in self.certificates)
        authority = (
            f"the authority {self.ca_file}" if self.ca_file else "this machine's authorities"
        )
        return f"certificates of {brokers}, with {authority}"


def observe(site: Site) -> BrokerCertificates:
    """Open TLS to each broker and close it again; nothing is sent over it."""
    conf = site.conf("target")
    options = messaging_options.read_login(conf)
    if not options.tls or (options.version and not options.ca_file):
        raise NotConfigured(
            "the target release does not verify its broker: [oslo_messaging_rabbit] "
            "sets no ssl, or ssl_version without ssl_ca_file"
        )
    context = _context(options)
    hosts = conf.transport().hosts
    certificates = tuple(_certificate(host, hosts, context) for host in hosts)
    return BrokerCertificates(str(Path(options.ca_file)) if options.ca_file else "", certificates)


def _context(options: LoginOptions) -> ssl.SSLContext:
    """As Heat makes it (amqp/transport.py, _wrap_socket_sni), so no stricter on any Python.

    :raises Unobserved: a file that it needs cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = options.ca_file is not None
    if options.certificate_file:
        try:
            # The empty password is for a key that has one: nobody is there to be asked for it.
            context.load_cert_chain(options.certificate_file, options.key_file, password="")
        except OSError:
            raise Unobserved(
                f"ssl_cert_file {options.certificate_file} of the target release, or its "
                "ssl_key_file, cannot be read as a certificate and its key; correct them, or run "
                "this as a user who may read them"
            ) from None
    if options.ca_file is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(options.ca_file)
    except OSError:
        raise Unobserved(
            f"ssl_ca_file {options.ca_file} of the target release cannot be read as certificates; "
            "correct it"
        ) from None
    return context


def _certificate(
    host: BrokerHost, hosts: Iterable[BrokerHost], context: ssl.SSLContext
) -> Certificate:
    broker = f"{host.host}:{host.port}"
    error = _refusal(host, host.host, context)
    if error:
        mismatch = error.verify_code in _NAME_MISMATCH
        return Certificate(broker, mismatch, False, error.verify_message)
    others = sorted({other.host for other in hosts} - {host.host}) if context.check_hostname else []
    unnamed = tuple(name for name in others if _refusal(host, name, context))
    return Certificate(broker, True, True, "", unnamed)


def _refusal(
    host: BrokerHost, name: str, context: ssl.SSLContext
) -> ssl.SSLCertVerificationError | None:
    """What OpenSSL says where it does not take this broker for the one of that name."""
    try:
        with (
            socket.create_connection((host.host, host.port), _TIMEOUT) as plain,
            context.wrap_socket(plain, server_hostname=name),
        ):
            return None
    except ssl.SSLCertVerificationError as error:
        return error
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
        raise Unobserved(
            f"RabbitMQ at {host.host}:{host.port} does not answer by TLS ({reason}); "
            "correct transport_url of the target release, or run this where its brokers are reached"
        ) from None
