"""A login to RabbitMQ as Heat does it: open a connection and a channel, declare nothing, close."""

import socket
import ssl
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import amqp

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.configuration.heat_conf import BrokerHost
from heat_upgrade_checks.evidence.configuration.messaging_options import LoginOptions

CONNECTION_NAME = "heat-upgrade-check"
_CONNECT_TIMEOUT = 5
_ANSWER_TIMEOUT = 10
_WITH_PASSWORD = {None, "PLAIN", "AMQPLAIN"}


@dataclass(frozen=True)
class Login:
    """One attempt; `refusal` is what RabbitMQ said, or "" where it let the account in."""

    broker: str
    refusal: str


def log_in(host: BrokerHost, vhost: str, options: LoginOptions) -> Login:
    """Try one account on one broker.

    :raises Unobserved: the broker cannot be asked, so nothing is known of the account.
    """
    broker = f"{host.host}:{host.port}"
    if host.username is None or host.password is None or options.method not in _WITH_PASSWORD:
        raise Unobserved(
            f"Heat logs in to {broker} without a name and a password; give an account with the tag "
            "administrator as broker.username in the plan"
        )
    connection = amqp.Connection(
        host=f"[{host.host}]:{host.port}" if ":" in host.host else broker,
        userid=host.username,
        password=host.password,
        login_method=options.method,
        virtual_host=vhost,
        ssl=_tls(options),
        connect_timeout=_CONNECT_TIMEOUT,
        read_timeout=_ANSWER_TIMEOUT,
        write_timeout=_ANSWER_TIMEOUT,
        client_properties={"connection_name": CONNECTION_NAME},
    )
    try:
        with closing(connection):
            connection.connect()
            connection.channel().close()
    except (amqp.AccessRefused, amqp.NotAllowed) as refusal:
        return Login(broker, " ".join(str(refusal.reply_text).split()).rstrip("."))
    except (OSError, amqp.AMQPError) as error:
        raise Unobserved(
            f"RabbitMQ at {broker} cannot be asked by AMQP as Heat does ({_reason(error)}); run "
            "this where Heat's brokers can be reached, or give an account with the tag "
            "administrator as broker.username in the plan"
        ) from None
    return Login(broker, "")


def _tls(options: LoginOptions) -> bool | dict[str, Any]:
    """What oslo.messaging hands to this library."""
    if not options.tls:
        return False
    given: dict[str, Any] = {}
    if options.key_file:
        given["keyfile"] = options.key_file
    if options.certificate_file:
        given["certfile"] = options.certificate_file
    if options.ca_file:
        given |= {"ca_certs": options.ca_file, "cert_reqs": ssl.CERT_REQUIRED}
    return given or True


def _reason(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"its TLS certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS fails: {error.reason}"
        case TimeoutError():
            return "no answer in time"
        case socket.gaierror():
            return "its name is not known"
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            return f"{where}{error.strerror or type(error).__name__}"
        case _:
            return type(error).__name__
