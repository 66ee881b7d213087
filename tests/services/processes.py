"""Server processes that the tests start, and that end by the very pid they were started with."""

import atexit
import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.waiting import until

# Below the ports that the kernel gives to outgoing connections: a server that was stopped finds its
# port free again.
_PORTS = range(20000, 30000)
_handed_out: set[int] = set()
_running: set["Process"] = set()


class ServerError(RuntimeError):
    """A server did not start, did not answer or did not end."""


class Process:
    """One started server: its first process and all descendants, known by their session."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        self.name = name
        self.log = log
        identity = pwd.getpwnam(user) if user else None
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=log.parent,
                env={**_neutral_environment(), **(environment or {})},
                start_new_session=True,
                user=identity.pw_uid if identity else None,
                group=identity.pw_gid if identity else None,
                extra_groups=[] if identity else None,
            )
        _running.add(self)

    @property
    def pid(self) -> int:
        """The process that was started; the master where a server has workers."""
        return self._popen.pid

    @property
    def pids(self) -> list[int]:
        """All living processes of this server, the master first, orphaned workers included."""
        self._popen.poll()
        return sorted(_session_members(self.pid), key=lambda pid: (pid != self.pid, pid))

    @property
    def alive(self) -> bool:
        """Whether the first process lives; its workers may outlive it."""
        return self._popen.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to every process of this server."""
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def request_end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask the first process to end and do not wait."""
        if self.alive:
            self._popen.send_signal(number)

    def freeze(self) -> None:
        """SIGSTOP: alive for the system, dead for everybody who talks to it."""
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self.send(signal.SIGCONT)

    def terminate(self, seconds: float = 120, by: signal.Signals = signal.SIGTERM) -> None:
        """End the server as an init system would; SIGKILL for what is left when time is up."""
        self.request_end(by)
        with contextlib.suppress(AssertionError):
            until(lambda: not self.pids, f"{self.name} ended", seconds)
        self.kill()

    def kill(self) -> None:
        """End all its processes at once, leaving them no time to tidy up."""

        def gone() -> bool:
            # The master goes first, or it would replace its workers.
            self.send(signal.SIGKILL)
            return not self.pids

        until(gone, f"{self.name} ended by SIGKILL")
        self._popen.wait()
        _running.discard(self)

    def wait_until(self, condition: Callable[[], bool], what: str, seconds: float = 120) -> None:
        """Wait for the server to get that far; else an error with the tail of its log."""

        def reached() -> bool:
            if condition():
                return True
            if not self.alive:
                code = self._popen.returncode
                raise ServerError(f"{self.name} ended with {code} before {what}\n{tail(self.log)}")
            return False

        try:
            until(reached, f"{self.name} {what}", seconds)
        except AssertionError as error:
            raise ServerError(f"{error}\n{tail(self.log)}") from None


def run(
    name: str,
    command: Sequence[str | Path],
    log: Path,
    seconds: float = 120,
    user: str | None = None,
) -> None:
    """Run a command of a server's installation to its end; anything but success is an error."""
    process = Process(name, command, log, user=user)
    try:
        code = process._popen.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise ServerError(f"{name} takes longer than {seconds:g} s\n{tail(log)}") from None
    finally:
        process.kill()
    if code:
        raise ServerError(f"{name} ended with {code}\n{tail(log)}")


def free_port() -> int:
    """A loopback port that nobody listens on and that this process gave to nobody else."""
    for port in random.SystemRandom().sample(_PORTS, 200):
        if port not in _handed_out and not listening(port):
            _handed_out.add(port)
            return port
    raise ServerError("no free port on the loopback interface")


def listening(port: int) -> bool:
    """Whether somebody accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected by its parent does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return status[0] not in "ZX"


def started_in(folder: Path) -> list[int]:
    """The living processes that were started with a path below this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(folder) in words and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


def program(name: str, package: str, *folders: str) -> Path:
    """Where a server's program is installed, outside PATH too."""
    found = shutil.which(
        name, path=os.pathsep.join([*folders, os.environ.get("PATH", ""), "/usr/sbin"])
    )
    if found is None:
        raise ServerError(f"{name} is not installed: apt-get install {package}")
    return Path(found)


def tail(log: Path, characters: int = 3000) -> str:
    """The end of a log, for an error message."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return f"--- no {log.name}: {error.strerror} ---"
    return f"--- end of {log.name} ---\n{text[-characters:]}"


@contextlib.contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, so that a terminated run takes its servers down as well."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _neutral_environment() -> dict[str, str]:
    """The caller's environment without what would change how servers find code, cloud or proxy."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "OS_", "HEAT_UPGRADE_", "RABBITMQ_", "ERL_"))
    }
    return {**kept, "no_proxy": "127.0.0.1,localhost"}


def _session_members(session: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, _parent, _group, of = (
                    (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                )
                if int(of) == session and state not in "ZX":
                    yield int(entry.name)


@atexit.register
def _end_leftovers() -> None:
    for process in list(_running):
        process.kill()
