"""What a test starts and ends: in one way, whatever it is."""

import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

from tests.services.processes import Process


class Started(ABC):
    """Runs from `start` to `end`, or while a `with` block does; a start that fails ends it too."""

    def start(self) -> Self:
        """Start it and wait until it is of use."""
        try:
            self._start()
        except BaseException:
            self.end()
            raise
        return self

    @abstractmethod
    def _start(self) -> None:
        """Start everything of it and wait for it."""

    @abstractmethod
    def end(self) -> None:
        """End at once what was started of it, and drop what it need not leave behind."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.end()


class Server(Started):
    """A server of one or more processes; over stop and start it keeps its folder and its ports."""

    # What asks it to shut down, with its sessions.
    end_by: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        # In the order of their start.
        self._processes: list[Process] = []

    def stop(self) -> None:
        """Shut it down; what it keeps in its folder stays."""
        self._hang_up()
        while self._processes:
            self._processes[-1].terminate(by=self.end_by)
            self._processes.pop()

    def kill(self) -> None:
        """End it with no time to tidy up."""
        self._hang_up()
        while self._processes:
            self._processes[-1].kill()
            self._processes.pop()

    def end(self) -> None:
        """End it with no time to tidy up; its files are the test's."""
        self.kill()

    @property
    def pids(self) -> list[int]:
        """Its living processes."""
        return [pid for process in self._processes for pid in process.pids]

    def _run(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        answers: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        """Start a process of it, and wait until it answers."""
        process = Process(name, command, log, environment, user)
        self._processes.append(process)
        process.wait_until(answers, "answering")

    def _hang_up(self) -> None:
        """Close its clients' connections of ours: a listener waits some seconds for idle ones."""
