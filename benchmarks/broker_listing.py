"""The old queues among 10,000 others, against one plain listing that has live counts.

One look, and the whole source, which looks several times at least half a second apart.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from heat_upgrade_checks.evidence.broker import old_queues
from heat_upgrade_checks.evidence.broker.queue_listing import live_queues
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.plan import Plan
from tests.services.rabbitmq import RabbitMQ

QUEUES = 10_000
ENGINES = 50
ROUNDS = 5
VHOST, USER, PASSWORD = "heat", "benchmark", "benchmark-password"


def main() -> int:
    """Print both medians and their ratio."""
    with tempfile.TemporaryDirectory() as folder, RabbitMQ(Path(folder)) as server:
        server.add_vhost(VHOST)
        server.add_user(USER, PASSWORD, "monitoring", {VHOST: (".*", ".*", ".*")})
        server.call("POST", "definitions", {"queues": [_queue(name) for name in _names()]})
        base = server.management_url
        url = f"{base}/api/queues/{VHOST}?disable_stats=true&enable_queue_totals=true"
        account = f"{USER}:{PASSWORD}"
        plain = ("curl", "--silent", "--fail", "--user", account, "--output", "/dev/null", url)
        http = ReadOnlyHttp("RabbitMQ", base, (USER, PASSWORD))
        curl = _median(lambda: subprocess.run(plain, check=True))
        look = _median(lambda: live_queues(http, VHOST))
        site = _site(Path(folder), server)
        source = _median(lambda: old_queues.observe(site))
    for name, seconds in (
        ("curl", curl),
        ("one look", look),
        (f"source ({site.plan.broker.samples} looks)", source),
    ):
        sys.stdout.write(f"{QUEUES} queues, {name}: {seconds:.3f} s, ratio {seconds / curl:.2f}\n")
    return 0


def _site(folder: Path, server: RabbitMQ) -> Site:
    conf = folder / "heat.conf"
    conf.write_text(f"[DEFAULT]\ntransport_url = {server.url(VHOST, USER, PASSWORD)}\n", "utf-8")
    plan = {
        "name": "benchmark",
        "mode": "rolling",
        "current": {"version": "25.0.2", "config": [str(conf)]},
        "target": {"version": "26.0.2"},
        "broker": {"management": [server.management_url]},
    }
    return Site(Plan.model_validate(plan), folder)


def _names() -> list[str]:
    work = ["engine", "engine_worker", "heat-engine-listener"]
    for topic in ("engine_worker", "heat-engine-listener"):
        work += [f"{topic}.{uuid4()}" for _ in range(ENGINES)]
    return work + [f"reply_{uuid4().hex}" for _ in range(QUEUES - len(work))]


def _queue(name: str) -> dict[str, object]:
    return {"name": name, "vhost": VHOST, "durable": False, "auto_delete": False, "arguments": {}}


def _median(action: Callable[[], object]) -> float:
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        action()
        took.append(time.perf_counter() - begun)
    return statistics.median(took)


if __name__ == "__main__":
    sys.exit(main())
