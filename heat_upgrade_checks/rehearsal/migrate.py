"""The target's own db_sync, run on the scratch database and timed revision by revision."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from heat_upgrade_checks.errors import HeatUpgradeCheckError, Unobserved
from heat_upgrade_checks.records.rehearsal import Migrated, TimedRevision
from heat_upgrade_checks.rehearsal import scratch_faults
from heat_upgrade_checks.rehearsal.errors import StepFailed
from heat_upgrade_checks.rehearsal.server_words import server_error, server_words

# The console script heat-manage, for an interpreter whose folder may not have it.
_HEAT_MANAGE = "import sys; from heat.cmd.manage import main; sys.exit(main())"
_PASSED_ON = ("PATH", "LANG", "LC_ALL")

# What alembic and sqlalchemy-migrate log when they begin a revision.
_BEGINS = re.compile(
    r"alembic\.runtime\.migration .*Running (?:upgrade|stamp_revision) [^>]*-> (?P<alembic>\w+)"
    r"|migrate\.versioning\.api .*\b\d+ -> (?P<numbered>\d+)\.\.\."
)
_ENDS = re.compile(r"heat\.db\.migration .*Migration\(s\) applied|migrate\.versioning\.api .*done")


def migrate(python: Path, heats_url: str, folder: Path) -> Migrated:
    """Run the target's db_sync on the database at `heats_url`, and on nothing else.

    :param folder: of this rehearsal; its configuration and nothing else of it is read.
    :raises StepFailed: db_sync failed; the sentence names the revision it failed in.
    :raises Unobserved: the scratch server did, or db_sync was killed.
    """
    begun = time.monotonic()
    with subprocess.Popen(  # noqa: S603 - the operator names the interpreter in the plan
        [str(python), "-I", "-c", _HEAT_MANAGE, *_configuration(folder, heats_url), "db_sync"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=_environment(),
        text=True,
        errors="replace",
    ) as process:
        try:
            log = _Log()
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            for line in process.stdout:
                log.read(line, time.monotonic())
        finally:
            process.kill()
    ended = time.monotonic()
    if process.returncode:
        raise log.failure(process.returncode)
    return Migrated(round(ended - begun, 3), tuple(log.revisions(ended)))


def _configuration(folder: Path, heats_url: str) -> tuple[str, ...]:
    """Where db_sync finds the scratch database's URL, and why it looks nowhere else.

    Without `--config-dir` oslo.config adds the folders that it knows (~/.heat, /etc/heat), and
    what they say of `[database] connection` goes before the file: the live database.
    """
    own = folder / "heat.conf.d"
    own.mkdir(mode=0o700)
    conf = own / "heat.conf"
    conf.touch(mode=0o600)
    escaped = heats_url.replace("$", "$$")
    # Where the tool was killed its server is gone, and ten tries would outlive it by 100 s.
    retries = "max_retries = 1\nretry_interval = 1"
    conf.write_text(f"[database]\nconnection = {escaped}\n{retries}\n", encoding="utf-8")
    return ("--config-file", str(conf), "--config-dir", str(own))


def _environment() -> dict[str, str]:
    """The variables of ours that db_sync gets: OS_DATABASE__CONNECTION must not be one."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    # Where the tool is killed, db_sync goes on for a while. In a home below the rehearsal's folder
    # stevedore would make its cache (stevedore/_cache.py) and with it the folder that was removed.
    return {**kept, "HOME": "/dev/null", "PYTHONUNBUFFERED": "1"}


class _Log:
    """What db_sync says, with the time at which each line came."""

    def __init__(self) -> None:
        self._begun: list[tuple[str, float]] = []
        self._ended: float | None = None
        self._words = ""
        self._fault = ""

    def read(self, line: str, at: float) -> None:
        """Take the next line."""
        if found := _BEGINS.search(line):
            self._begun.append((found["alembic"] or found["numbered"], at))
        elif _ENDS.search(line):
            self._ended = at
        elif words := server_words(line):
            self._words, self._fault = words, scratch_faults.fault(server_error(line))

    def revisions(self, end: float) -> Iterator[TimedRevision]:
        """Each revision, from its own line to that of the next one, or to the end of db_sync."""
        stops = [at for _, at in self._begun[1:]] + [self._ended or end]
        for (revision, at), stop in zip(self._begun, stops, strict=False):
            yield TimedRevision(revision, round(stop - at, 3))

    def failure(self, code: int) -> HeatUpgradeCheckError:
        """What a db_sync that ended with `code` says: of the target, or of the scratch server."""
        where = f"in revision {self._begun[-1][0]}" if self._begun else "before its first revision"
        reason = self._words or f"it ended with code {code} and no error of the server's"
        sentence = f"db_sync failed {where}: {reason}"
        # Below zero it is the signal that ended it.
        fault = self._fault or (scratch_faults.AWAY if code < 0 else "")
        return Unobserved(f"{sentence}; {fault}") if fault else StepFailed("migrate", sentence)
