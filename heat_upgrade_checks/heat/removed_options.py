"""Options that a release no longer knows, and what stands in their place."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

# What an option is about whose loss is not noticed before it does harm.
_DANGEROUS = re.compile(
    r"connection|slave_connection|transport_url|ssl|ssl_.*|.*cert_?file|.*ca_?file|.*key_?file"
    r"|insecure|auth_.*|username|password|.*_password|user_domain_.*|project_.*"
)


@dataclass(frozen=True)
class Removed:
    """Options by patterns of group and name; `instead` is what to do, as an imperative sentence.

    `gone_in` is Heat's first major release without them, None where a library took them away.
    `danger` completes a sentence about what is lost in silence; empty where little is.
    """

    group: str
    names: tuple[str, ...]
    instead: str
    gone_in: int | None = None
    danger: str = ""

    def covers(self, group: str, name: str) -> bool:
        """Whether this is one of them."""
        return fnmatchcase(group, self.group) and any(
            fnmatchcase(name, pattern) for pattern in self.names
        )


_RABBIT = "oslo_messaging_rabbit"
_PLAIN = "the connection to RabbitMQ is no longer encrypted"
_NO_CLIENT = "Remove the section; the release has no client for that service any more."
_SERVER = (
    "Remove it; heat-api runs under a WSGI server, such as uWSGI or mod_wsgi, which has such "
    "options of its own."
)

# Of oslo.messaging: the release notes of 16.0 (2025.1), 17.0 (2025.2) and 18.0 (2026.2); of
# oslo.policy: 6.0 (2026.2). Of Heat: releasenotes/notes of the release that is named.
REMOVED = (
    Removed(_RABBIT, ("rabbit_use_ssl",), "Set ssl = true in the same section.", danger=_PLAIN),
    Removed(
        _RABBIT,
        ("kombu_ssl_*",),
        "Set ssl_version, ssl_key_file, ssl_cert_file and ssl_ca_file in the same section.",
        danger="the broker's certificate is no longer checked as before",
    ),
    Removed(
        _RABBIT,
        ("rabbit_quroum_*",),
        "Set the option of the same name that begins with rabbit_quorum_.",
    ),
    Removed(_RABBIT, ("heartbeat_in_pthread",), "Remove it; nothing takes its place."),
    Removed(
        "DEFAULT",
        ("notification_driver", "notification_topics", "notification_transport_url"),
        "Set driver, topics or transport_url in [oslo_messaging_notifications].",
    ),
    Removed(
        "DEFAULT",
        ("rabbit_*", "kombu_*", "amqp_*", "fake_rabbit"),
        "Move it to [oslo_messaging_rabbit], under the name that it has there.",
    ),
    Removed("DEFAULT", ("rpc_backend",), "Remove it; the scheme of transport_url says the same."),
    Removed(
        "oslo_policy",
        ("enforce_scope",),
        "Remove it; from 2026.2 on the scope of a token is always enforced.",
    ),
    Removed("heat_api*", ("*",), _SERVER, gone_in=25),
    Removed("eventlet_opts", ("*",), "Remove the section; Heat no longer uses eventlet.", 25),
    Removed("clients_sahara", ("*",), _NO_CLIENT, 23),
    Removed("clients_senlin", ("*",), _NO_CLIENT, 23),
    Removed("clients_monasca", ("*",), _NO_CLIENT, 25),
    Removed("clients_vitrage", ("*",), _NO_CLIENT, 27),
    Removed(
        "ec2authtoken",
        ("auth_uri", "allowed_auth_uris"),
        "Set auth_type, auth_url, username, password and the domains there, or in a section for "
        "each cloud; config.ec2-token tells what lacks.",
        27,
    ),
    Removed(
        "ec2authtoken",
        ("ca_file", "cert_file", "key_file"),
        "Set cafile, certfile or keyfile in the same section.",
        27,
    ),
    Removed(
        "DEFAULT",
        ("stack_user_domain",),
        "Set stack_user_domain_id to the same value.",
        27,
        danger="Heat no longer finds the domain of its stack users",
    ),
    Removed("DEFAULT", ("onready",), "Remove it; systemd is told by Type=notify.", 22),
)


def removed(group: str, name: str) -> Removed | None:
    """What is known of an option that a release does not know."""
    return next((each for each in REMOVED if each.covers(group, name)), None)


def is_dangerous(name: str) -> bool:
    """Whether an option of this name is about connections or credentials."""
    return _DANGEROUS.fullmatch(name) is not None
