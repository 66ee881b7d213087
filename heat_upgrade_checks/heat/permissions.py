"""What Heat's account must be allowed on a vhost, and what RabbitMQ's patterns allow.

To declare takes `configure`; to bind takes `write` on the queue and `read` on the exchange; to
publish takes `write` on the exchange, which for replies is `amq.default`; to consume takes `read`.
"""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from heat_upgrade_checks.heat.declarations import TOPICS, MessagingOptions

Right = Literal["configure", "write", "read"]
RIGHTS: tuple[Right, ...] = get_args(Right)

_ID = "00000000-0000-4000-8000-000000000000"
_HEX = "0" * 32


@dataclass(frozen=True)
class Permissions:
    """The patterns of one account on one vhost."""

    configure: str
    write: str
    read: str

    def pattern(self, right: Right) -> str:
        """The pattern of one right."""
        patterns: dict[Right, str] = {
            "configure": self.configure,
            "write": self.write,
            "read": self.read,
        }
        return patterns[right]


def names_needed(right: Right, options: MessagingOptions, host: str) -> list[str]:
    """The names for which Heat needs a right: every exchange and queue that it makes.

    Ids and random parts are examples.
    """
    names = [options.control_exchange]
    for topic in TOPICS:
        fanout = f"{topic}_fanout"
        unique = f"{host}:heat-engine:1" if options.use_queue_manager else _HEX
        server = host if topic == "engine" else _ID
        names += [fanout, topic, f"{topic}.{server}"]
        names += [] if options.rabbit_stream_fanout else [f"{fanout}_{unique}"]
    names.append(f"reply_{host}:heat-engine:1" if options.use_queue_manager else f"reply_{_HEX}")
    return [*names, "amq.default"] if right == "write" else names


def refused(pattern: str, names: list[str]) -> list[str]:
    """The names that a pattern does not allow: RabbitMQ searches, and "" allows only "".

    :raises ValueError: the pattern is not readable as a regular expression here.
    """
    try:
        compiled = re.compile(pattern or "^$")
    except re.error as error:
        raise ValueError(str(error)) from None
    return [name for name in names if not compiled.search(name)]
