"""Reading a dump to its end, against the test of its compression (`gzip -t`) on the same file."""

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from heat_upgrade_checks.evidence.backup.newest import read

BYTES = 1_500_000_000
ROUNDS = 7
COMPRESSIONS = (("zstd", "-3"), ("gzip", "-1"), ("xz", "-0"))
# mariadb-dump begins another statement about once in a megabyte.
_STATEMENT = 1_000_000
_MARIADB_HEAD = """\
-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: heat
-- ------------------------------------------------------
"""
_POSTGRESQL_HEAD = """\
--
-- PostgreSQL database dump
--

"""
_POSTGRESQL_END = """
--
-- PostgreSQL database dump complete
--

"""


def main() -> int:
    """Print, for each kind of dump and compression, both minima, their ratios and the memory.

    Of wall-clock and of CPU seconds, because reading keeps more than one core busy.
    """
    kinds = {"mariadb-dump": _mariadb, "pg_dump": _postgresql}
    with tempfile.TemporaryDirectory() as name:
        for kind, lines in kinds.items():
            dump = Path(name) / f"{kind}.sql"
            with dump.open("w", encoding="utf-8") as file:
                file.writelines(lines())
            size = dump.stat().st_size
            for tool, level in COMPRESSIONS:
                packed = dump.with_suffix(f".{tool}")
                with packed.open("wb") as output:
                    subprocess.run((tool, level, "-c", str(dump)), stdout=output, check=True)
                _compare(f"{kind}, {size / 1e6:.0f} MB, {tool} {level}", tool, packed)
                packed.unlink()
            dump.unlink()
    return 0


def _compare(what: str, tool: str, packed: Path) -> None:
    ours, theirs = [], []
    for _ in range(ROUNDS):
        # In turn, so that a machine that is busy for a while is so for both.
        theirs.append(_seconds(lambda: subprocess.run((tool, "-tq", str(packed)), check=True)))
        ours.append(_seconds(lambda: _whole(packed)))
    # What other work on the machine adds is no part of either: the least is the nearest.
    (own, own_cpu), (test, test_cpu) = (
        map(min, zip(*took, strict=True)) for took in (ours, theirs)
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"{what}: {tool} -t {test:.2f} s ({test_cpu:.2f} s CPU), read {own:.2f} s ({own_cpu:.2f} s "
        f"CPU), ratio {own / test:.2f} ({own_cpu / test_cpu:.2f}), peak memory {peak:.0f} MiB\n"
    )
    sys.stdout.flush()


def _mariadb() -> Iterator[str]:
    yield _MARIADB_HEAD
    for table, rows in _tables():
        yield f"CREATE TABLE `{table}` (\n  `id` varchar(36) NOT NULL\n);\n"
        length = 0
        for row in rows:
            values = ",".join(f"'{value}'" for value in row)
            if length > _STATEMENT:
                yield ";\n"
                length = 0
            yield f",\n({values})" if length else f"INSERT INTO `{table}` VALUES\n({values})"
            length += len(values)
        yield ";\n"
    yield "-- Dump completed on 2026-11-22 12:00:00\n"


def _postgresql() -> Iterator[str]:
    yield _POSTGRESQL_HEAD
    for table, _ in _tables():
        yield f"CREATE TABLE public.{table} (\n    id character varying(36) NOT NULL\n);\n"
    for table, rows in _tables():
        yield f"COPY public.{table} (id, name, status, data) FROM stdin;\n"
        for row in rows:
            yield "\t".join(row) + "\n"
        yield "\\.\n\n"
    yield _POSTGRESQL_END


def _tables() -> Iterator[tuple[str, Iterator[tuple[str, ...]]]]:
    """Events are most of it, as in a cloud that was purged now and then; templates are long."""
    for table, share, length in (
        ("raw_template", 3, 6000),
        ("resource", 2, 300),
        ("event", 5, 400),
    ):
        yield table, _rows(table, BYTES * share // 10, length)


def _rows(seed: str, size: int, length: int) -> Iterator[tuple[str, ...]]:
    chance = random.Random(seed)
    words = [f"{chance.getrandbits(40):010x}" for _ in range(2000)]
    while size > 0:
        data = ", ".join(chance.choices(words, k=length // 12))
        row = (f"{chance.getrandbits(128):032x}", f"server-{size}", "CREATE COMPLETE", data)
        size -= sum(map(len, row))
        yield row


def _whole(packed: Path) -> None:
    newest = read(str(packed), "heat").newest
    if newest is None or newest.damage or not newest.rows:
        raise SystemExit(f"the dump was not read to its end: {newest}")


def _seconds(action: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and CPU seconds, those of child processes included."""
    begun, worked = time.perf_counter(), sum(os.times()[:4])
    action()
    return time.perf_counter() - begun, sum(os.times()[:4]) - worked


if __name__ == "__main__":
    sys.exit(main())
