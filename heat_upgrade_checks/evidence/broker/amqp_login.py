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
_TRIED = {None, "PLAIN", "AMQPLAIN", "EXTERNAL"}
# kombu's, where transport_url names no account (kombu/transport/pyamqp.py).
DEFAULT_ACCOUNT = "guest"


@dataclass(frozen=True)
class Login:
    """One attempt; `refusal` is what RabbitMQ said, or "" where it let the account in.

    `cluster` is the name of the broker's cluster, which it tells before it asks who is there.
    """

    broker: str
    refusal: str
    cluster: str = ""


def log_in(host: BrokerHost, vhost: str, options: LoginOptions) -> Login:
    """Try one account on one broker.

    :raises Unobserved: the broker cannot be asked, so nothing is known of the account.
    """
    broker = f"{host.host}:{host.port}"
    if options.method not in _TRIED:
        raise Unobserved(
            f"Heat logs in to {broker} by {options.method} (rabbit_login_method), which is not "
            "tried here; try it with the target's own code, and waive this until then"
        )
    connection = amqp.Connection(
        host=f"[{host.host}]:{host.port}" if ":" in host.host else broker,
        userid=host.username or DEFAULT_ACCOUNT,
        password=DEFAULT_ACCOUNT if host.password is None else host.password,
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
        said = " ".join(str(refusal.reply_text).split()).rstrip(".")
        return Login(broker, said, _cluster_of(connection))
    except (OSError, amqp.AMQPError) as error:
        raise Unobserved(
            f"RabbitMQ at {broker} cannot be asked by AMQP as Heat does ({_reason(error)}); run "
            "this where Heat's brokers can be reached, or correct transport_url"
        ) from None
    return Login(broker, "", _cluster_of(connection))


def _cluster_of(connection: amqp.Connection) -> str:
    return str((connection.server_properties or {}).get("cluster_name", ""))


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
