"""One look at the old queues among 10,000, against one plain listing that has live counts."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from heat_upgrade_checks.evidence.broker import live_queues
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
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
        ours = _median(lambda: live_queues(http, VHOST))
    sys.stdout.write(
        f"{QUEUES} queues: curl {curl:.3f} s, live_queues {ours:.3f} s, ratio {ours / curl:.2f}\n"
    )
    return 0


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
