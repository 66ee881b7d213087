"""`watch` as an operator runs it, on the embedded deployment."""

import json
import os
import pty
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest

from heat_upgrade_checks.demo.deployment import NEW_VHOST, OLD_VHOST
from heat_upgrade_checks.demo.server import DemoServer
from tests import watching as runs
from tests.driver import COMMAND
from tests.plugin.conftest import Site
from tests.waiting import until
from tests.watching import Watch, up

# A sample does without a source that is slow. Where a test wants answers, a sample waits for them.
_PATIENT = """
from heat_upgrade_checks.evidence.api import clock
from heat_upgrade_checks.watch import recorder
clock.TIMEOUT = recorder._LAST_WAIT = 120.0
sample = recorder._Watch._sample
recorder._Watch._sample = lambda self, until: sample(self, until + 120)
"""


def watching(
    site: Site, *arguments: str, program: str = _PATIENT + COMMAND, stdout: int = subprocess.PIPE
) -> AbstractContextManager[Watch]:
    """`watch` on the embedded deployment."""
    environment = {
        "HEAT_UPGRADE_PLAN": str(site.demo.plan_file),
        "OS_CLIENT_CONFIG_FILE": str(site.demo.folder / "clouds.yaml"),
        **site.environment,
    }
    return runs.watching(
        "demo-rolling",
        *arguments,
        cwd=site.folder,
        environment=environment,
        program=program,
        stdout=stdout,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_samples_until_it_is_stopped(site: Site, number: signal.Signals) -> None:
    with watching(site) as watch:
        watch.wait_for(up)
        watch.wait_for(up)
        code, out, err = watch.stop(number)
    assert (code, err) == (0, "")
    first, *_, last = watch.samples
    assert stat.S_IMODE(watch.file.stat().st_mode) == 0o640
    assert {sample["run"] for sample in watch.samples} == {first["run"]}
    assert last["vhosts"] == {"current": OLD_VHOST, "target": NEW_VHOST}
    assert last["messages"] == {OLD_VHOST: 0, NEW_VHOST: None}
    assert list(last["unobserved"]) == [f"messages of {NEW_VHOST}"]
    assert "does not exist" in last["unobserved"][f"messages of {NEW_VHOST}"]
    assert (last["stacks"], last["resources"], last["unplaced"]) == (0, 0, 0)
    assert last["engines"] == {OLD_VHOST: 2, NEW_VHOST: 0}
    lines = out.splitlines()
    index = watch.file.with_name("index.html")
    assert lines[0] == "demo-rolling: watching, end with Ctrl-C"
    assert lines[-2].startswith("API: 0 s down of ")
    assert lines[-1] == str(index)
    assert lines[-2] in index.read_text("utf-8")
    assert "\x1b" not in out


def test_what_changes_appears_with_one_line(site: Site) -> None:
    with watching(site) as watch:
        watch.wait_for(up)
        site.demo.database.begin_create("shop-100", site.demo.old[0])
        site.demo.run(
            [*site.demo.old, site.demo.new[0]],
            vhosts=[OLD_VHOST, NEW_VHOST],
            messages={f"{OLD_VHOST}/engine_worker": 7},
        )
        # The sources are asked at the same time: each may have seen the change before another.
        seen = watch.wait_for(
            lambda sample: (
                (sample["stacks"], sample["resources"]) == (1, 1)
                and sample["messages"] == {OLD_VHOST: 7, NEW_VHOST: 0}
                and sample["engines"] == {OLD_VHOST: 2, NEW_VHOST: 1}
            )
        )
        again = watch.wait_for(up)
        out = watch.stop()[1]
    assert {**again, "at": None, "api": None} == {**seen, "at": None, "api": None}
    assert again["unobserved"] == {}
    assert seen["at"] < again["at"]
    changed = (
        "  API up; messages heat-n 7, heat-n1 0; in flight stacks 1, resources 1; "
        "engines heat-n 2, heat-n1 1, unplaced 0\n"
    )
    assert out.count(changed) == 1


def test_an_engine_that_listens_nowhere_is_counted_apart(site: Site) -> None:
    stray = site.demo.engine("engine-9", "elsewhere")
    site.demo.run([*site.demo.old, stray], vhosts=[OLD_VHOST, NEW_VHOST])
    with watching(site) as watch:
        seen = watch.wait_for(up)
    assert (seen["engines"], seen["unplaced"]) == ({OLD_VHOST: 2, NEW_VHOST: 0}, 1)


@contextmanager
def _gone(site: Site) -> Iterator[int]:
    """Nobody listens where the site's server did; the port, which is nobody else's meanwhile."""
    port = site.server.server_port
    site.server.shutdown()
    site.server.server_close()
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", port))
        yield port


def _restarted(site: Site, port: int) -> DemoServer:
    class Same(DemoServer):
        allow_reuse_address = True

        def __init__(self, state: Path) -> None:
            super().__init__(state)

        def server_bind(self) -> None:
            self.server_address = ("127.0.0.1", port)
            super().server_bind()

    server = Same(site.demo.state)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def test_a_server_that_goes_away_leaves_nulls_with_sentences_and_measured_downtime(
    site: Site,
) -> None:
    since = time.monotonic()
    with watching(site) as watch:
        watch.wait_for(up)
        with _gone(site) as port:
            gone = watch.wait_for(lambda sample: sample["messages"][OLD_VHOST] is None)
            down = watch.wait_for(lambda sample: sample["api"]["up"] is False)
            server = _restarted(site, port)
        back = watch.wait_for(lambda sample: up(sample) and sample["messages"][OLD_VHOST] == 0)
        most = time.monotonic() - since
        # Its port is free again and may be taken by the one that follows.
        code, out, err = watch.stop()
        server.shutdown()
        server.server_close()
    assert (code, err) == (0, "")
    assert gone["engines"] is None
    assert gone["live"] is None
    assert gone["unplaced"] is None
    assert "engines" in gone["unobserved"]
    assert (down["stacks"], down["resources"]) == (0, 0)
    assert "nobody answers" in down["api"]["error"]
    assert down["api"]["first_failed"]
    assert back["engines"] == {OLD_VHOST: 2, NEW_VHOST: 0}
    assert 0 < sum(sample["api"]["down"] for sample in watch.samples) <= most
    assert "RabbitMQ's management API cannot be reached" in out
    told = watch.file.with_name("index.html").read_text("utf-8")
    assert "API down" in told
    assert out.splitlines()[-2] in told


def test_a_source_that_hangs_delays_no_other(site: Site) -> None:
    program = (
        "import time\n"
        "from heat_upgrade_checks.evidence.stacks import work_counts\n"
        "work_counts.observe = lambda site: time.sleep(3600)\n"
        "from heat_upgrade_checks.evidence.api import clock\n"
        "clock.TIMEOUT = 120.0\n" + COMMAND
    )
    with watching(site, program=program) as watch:
        watch.wait_for(up)
        answered = watch.wait_for(lambda sample: sample["messages"][OLD_VHOST] == 0)
        watch.wait_for(up)
        # The source still has most of an hour to go.
        code, *_ = watch.stop()
    assert code == 0
    assert (answered["stacks"], answered["engines"]) == (None, None)
    assert "no answer yet" in answered["unobserved"]["database"]


def test_the_api_is_asked_every_second_whatever_the_interval(site: Site) -> None:
    with watching(site, "--interval", "4s") as watch:
        watch.wait_for(lambda sample: up(sample) and sample["api"]["asked"] > 1)


def test_a_source_that_breaks_the_tool_is_named_and_watching_goes_on(site: Site) -> None:
    program = (
        "from heat_upgrade_checks.evidence.stacks import work_counts\n"
        "def broken(site): raise KeyError('canary-secret')\n"
        "work_counts.observe = broken\n" + _PATIENT + COMMAND
    )
    with watching(site, program=program) as watch:
        watch.wait_for(up)
        seen = watch.wait_for(up)
    assert seen["unobserved"]["database"].endswith("report it as a bug")
    assert b"canary" not in watch.file.read_bytes()


def test_what_the_plan_does_not_give_is_not_observed(site: Site) -> None:
    site.edit_plan(api=None, target={"version": "26.0.2"})
    site.environment = {"OS_CLOUD": ""}
    with watching(site) as watch:
        seen = watch.wait_for(lambda sample: sample["stacks"] == 0)
        _, out, _ = watch.stop()
    assert seen["api"]["up"] is None
    assert seen["messages"] == {OLD_VHOST: 0}
    assert "the plan names no configuration" in seen["unobserved"]["vhost of target"]
    assert "API: not measured" in out


def test_several_runs_append_to_one_file(site: Site) -> None:
    with watching(site) as one:
        first = one.wait_for(up)
        with watching(site) as other:
            other.wait_for(lambda sample: up(sample) and sample["run"] != first["run"])
            other.stop()
        one.stop()
    assert len({sample["run"] for sample in one.samples}) == 2
    before = one.file.read_bytes()
    one.file.write_bytes(before + b'{"schema": "1", "run": "half')
    with watching(site) as third:
        size = len(one.file.read_bytes())
        until(lambda: len(one.file.read_bytes()) > size, "a sample below the half-written one")
        third.stop()
    lines = third.file.read_bytes().removeprefix(before).splitlines()
    assert lines[0] == b'{"schema": "1", "run": "half'
    assert [json.loads(line)["schema"] for line in lines[1:]] == ["1"] * len(lines[1:])
    assert lines[1:]
    told = third.file.with_name("index.html").read_text("utf-8")
    assert f"watch.jsonl: line {before.count(b'%c' % 10) + 1} is damaged and left out" in told


def test_no_secret_is_recorded(site: Site) -> None:
    secrets = ["canary-broker-0123456789"]
    site.edit_plan(
        broker={
            "management": [site.server.url, "http://127.0.0.1:9"],
            "username": "heat",
            "password_env": "CANARY",
        }
    )
    site.environment = {"CANARY": secrets[0]}
    secrets += [
        line.partition("heat:")[2].partition("@")[0]
        for conf in site.demo.folder.glob("heat-*.conf")
        for line in conf.read_text("utf-8").splitlines()
        if line.startswith("transport_url")
    ]
    with watching(site) as watch:
        watch.wait_for(up)
        with _gone(site):
            watch.wait_for(lambda sample: sample["api"]["up"] is False)
            _, out, err = watch.stop()
    written = out + err + watch.file.read_text("utf-8")
    written += watch.file.with_name("index.html").read_text("utf-8")
    assert len(secrets) == 3
    assert not [secret for secret in secrets if secret in written]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--interval", "fast"], "write a duration as a number and s, m, h or d"),
        (["--interval", "0s"], "sample no more often than every second"),
        (["--plan", "nowhere.yaml"], "plan nowhere.yaml"),
        (["--reports", "file"], "name another folder with --reports"),
    ],
)
def test_wrong_usage(site: Site, arguments: list[str], sentence: str) -> None:
    (site.folder / "file").touch()
    outcome = site.call("watch", *arguments)
    assert outcome.code == 64
    assert sentence in outcome.err


def test_a_reader_that_leaves_does_not_end_the_recording(site: Site) -> None:
    with watching(site) as watch:
        watch.wait_for(up)
        assert watch.process.stdout
        watch.process.stdout.close()
        site.demo.database.begin_create("shop-100", site.demo.old[0])
        watch.wait_for(lambda sample: sample["stacks"] == 1)
        watch.wait_for(lambda sample: sample["stacks"] == 1)
        watch.process.send_signal(signal.SIGTERM)
        assert watch.process.wait(180) == 0


def test_a_terminal_shows_one_line_that_lives(site: Site) -> None:
    controller, terminal = pty.openpty()
    parts: list[bytes] = []

    def read() -> None:
        # The end of a terminal that nobody holds any more is an error.
        with suppress(OSError):
            while part := os.read(controller, 100_000):
                parts.append(part)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    with watching(site, stdout=terminal) as watch:
        watch.wait_for(up)
        watch.wait_for(up)
        watch.process.send_signal(signal.SIGINT)
        assert watch.process.wait(180) == 0
    os.close(terminal)
    reader.join()
    os.close(controller)
    shown = b"".join(parts).decode()
    assert shown.count("\r\x1b[2KAPI up, 0 s down; messages heat-n 0") >= 3
    # The line itself never scrolls: only what was said once, and the end.
    assert shown.count("\r\n") == 5
    assert shown.splitlines()[-2].startswith("\x1b[?25hAPI: 0 s down of ")
