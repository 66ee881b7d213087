"""RabbitMQ 4.0 of Debian 13, beside the machine's own: a root folder that debootstrap makes once.

It takes root, and the mirror that apt uses. Each server has a mount namespace of its own, so that
nothing stays mounted when it ends.
"""

import shlex
from pathlib import Path

from tests.lab import venvs
from tests.services import processes
from tests.services.rabbitmq import RabbitMQ

RELEASE = "trixie"
_MIRROR = "http://deb.debian.org/debian"
_SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"


def base() -> Path:
    """The root folder, made where it is missing: 2 to 4 min, 1 GB."""
    folder = venvs.cache() / f"debian-{RELEASE}"
    with venvs.made_once(folder) as missing:
        if missing:
            program = processes.program("debootstrap", "debootstrap")
            packages = "--include=rabbitmq-server,ca-certificates"
            command: list[str | Path] = [
                program,
                "--variant=minbase",
                packages,
                RELEASE,
                folder,
                _MIRROR,
            ]
            processes.run("debootstrap", command, folder.with_suffix(".log"), seconds=1800)
    return folder


class NewerRabbitMQ(RabbitMQ):
    """A broker of one node on Debian 13's RabbitMQ, with the machine's own epmd."""

    def _command(self) -> list[str | Path]:
        """The server, in the other root folder but with its own folder under the same path."""
        root = base()
        own = root / str(self.folder).lstrip("/")
        binds = [(Path("/proc"), root / "proc"), (Path("/dev"), root / "dev")]
        binds += [(Path("/etc/hosts"), root / "etc/hosts"), (self.folder, own)]
        steps = [f"mkdir -p {shlex.quote(str(own))}"]
        steps += [f"mount --bind {shlex.quote(str(a))} {shlex.quote(str(b))}" for a, b in binds]
        steps.append(f"exec chroot {shlex.quote(str(root))} {_SERVER}")
        return ["unshare", "--mount", "sh", "-ec", "\n".join(steps)]
