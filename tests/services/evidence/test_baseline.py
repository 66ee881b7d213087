"""The baseline and what is found by it, on real servers with schemas made by Heat's db_sync."""

import gzip
import hashlib
import json
import tracemalloc
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.stacks import (
    baseline,
    preserved,
    stored_stacks,
)
from heat_upgrade_checks.evidence.stacks.preserved import Total
from heat_upgrade_checks.records.findings import Verdict
from tests.services.evidence.clouds import SECRET, TEMPLATE, Cloud, ago, told
from tests.services.heat_databases import PASSWORD, HeatDatabase
from tests.services.mariadb import MariaDB

NAMES = ("kept", "updated", "failing", "nested", "hidden", "lost-row", "lost-mark", "deleted")


@pytest.mark.parametrize(("old", "new"), [(19, 20), (20, 21), (25, 26), (26, 27)])
def test_what_users_did_is_told_from_what_was_lost(cloud: Cloud, old: int, new: int) -> None:
    cloud.sync(old)
    cloud.template(1, TEMPLATE)
    cloud.template(3, "{}")
    cloud.stacks(*NAMES, "stateless", "was-failed", "working", "again")
    cloud.run("UPDATE stack SET owner_id = 'kept', tenant = 'p2' WHERE id = 'nested'")
    cloud.run("UPDATE stack SET status = 'FAILED' WHERE id = 'was-failed'")
    cloud.run("UPDATE stack SET status = 'IN_PROGRESS' WHERE id = 'working'")
    cloud.stacks("gone-before", deleted_at=ago(10), action="DELETE")
    for id in NAMES:
        cloud.resources(id, "net", "server", "disk")
    stored = cloud.pre()
    assert (stored.stacks, stored.resources, stored.outputs, stored.projects) == (12, 24, 24, 2)
    cloud.sync(new)
    assert cloud.compare().totals == ()

    # Users: one update that replaces a server, removes a disk and an output; deletes; failures.
    cloud.run(
        "UPDATE stack SET updated_at = :now, raw_template_id = 3 WHERE id = 'updated'", now=ago(0)
    )
    cloud.run(
        "UPDATE resource SET nova_instance = 'x' WHERE stack_id = 'updated' AND name = 'server'"
    )
    cloud.run("DELETE FROM resource WHERE stack_id = 'updated' AND name = 'disk'")
    cloud.event("updated", "server")
    cloud.event("updated", "disk")
    deleted = (
        "UPDATE stack SET action = 'DELETE', status = 'COMPLETE', deleted_at = :now WHERE id = :id"
    )
    cloud.run(deleted, now=ago(0), id="deleted")
    cloud.run(deleted, now=ago(0), id="again")
    cloud.stacks("again-2", name="name-of-again")
    cloud.run(
        "UPDATE stack SET action = 'UPDATE', status = 'FAILED', updated_at = :now "
        "WHERE id = 'failing'",
        now=ago(0),
    )
    cloud.run("UPDATE stack SET status = 'FAILED', status_reason = 'its own' WHERE id = 'working'")
    # And damage.
    cloud.run("DELETE FROM resource WHERE stack_id = 'lost-row'")
    cloud.run("DELETE FROM stack WHERE id = 'lost-row'")
    cloud.run("UPDATE stack SET deleted_at = :now WHERE id = 'lost-mark'", now=ago(0))
    cloud.run("DELETE FROM resource WHERE stack_id = 'kept' AND name = 'disk'")
    cloud.run("UPDATE resource SET nova_instance = NULL WHERE stack_id = 'kept' AND name = 'net'")
    cloud.run("UPDATE resource SET status = 'FAILED' WHERE stack_id = 'hidden' AND name = 'net'")
    cloud.run("UPDATE stack SET raw_template_id = 3 WHERE id = 'hidden'")
    cloud.run("UPDATE stack SET status = 'FAILED' WHERE id = 'nested'")
    cloud.run("UPDATE stack SET status = 'IN_PROGRESS' WHERE id = 'stateless'")
    found = cloud.compare()
    assert told(found) == {
        ("resource-replaced", "updated", "server", True),
        ("resource-lost", "updated", "disk", True),
        ("output-lost", "updated", "address", True),
        ("output-lost", "updated", "port", True),
        ("stack-deleted", "deleted", "", True),
        ("stack-deleted", "again", "", True),
        ("stack-failed", "failing", "", True),
        ("stack-failed", "working", "", True),
        ("stack-missing", "lost-row", "", False),
        ("stack-deleted", "lost-mark", "", False),
        ("resource-lost", "kept", "disk", False),
        ("resource-replaced", "kept", "net", False),
        ("resource-failed", "hidden", "net", False),
        ("output-lost", "hidden", "address", False),
        ("output-lost", "hidden", "port", False),
        ("stack-failed", "nested", "", False),
        ("stack-in-progress", "stateless", "", False),
    }
    again = next(each for each in found.differences if each.stack_id == "again")
    assert again.after == "stack again-2"
    assert Total("output-lost", True, 2) in found.totals
    assert (found.stacks, found.resources, found.outputs) == (12, 24, 24)


def test_neither_an_update_alone_nor_an_event_alone_accounts_for_a_loss(settled: Cloud) -> None:
    settled.stacks("a", "b", "c")
    for id in "abc":
        settled.resources(id, "server", "disk")
    settled.pre()
    settled.run("DELETE FROM resource WHERE name = 'disk'")
    settled.run("UPDATE stack SET updated_at = :now WHERE id = 'a'", now=ago(0))
    settled.event("b", "disk")
    # An event of before the baseline, and then, as a legacy delete does, no updated_at.
    settled.event("c", "disk", created_at=ago(60))
    settled.event("c", "name-of-c", "IN_PROGRESS", physical_resource_id="c")
    assert told(settled.compare()) == {("resource-lost", id, "disk", False) for id in "abc"}
    settled.event("c", "disk")
    assert ("resource-lost", "c", "disk", True) in told(settled.compare())


def test_a_failure_by_a_lost_engine_is_not_the_operations_own(settled: Cloud) -> None:
    settled.stacks("a")
    settled.pre()
    settled.run(
        "UPDATE stack SET status = 'FAILED', updated_at = :now, "
        "status_reason = 'Engine went down during stack UPDATE'",
        now=ago(0),
    )
    (difference,) = settled.compare().differences
    assert (difference.kind, difference.by_operation) == ("stack-failed", False)
    assert difference.after == "CREATE FAILED, because its engine went down"


def test_the_file_holds_names_and_no_value(settled: Cloud) -> None:
    settled.stacks("a", tenant="p1")
    settled.stacks("b", template=2)
    settled.resources("a", "server")
    stored = settled.pre()
    path = settled.heat.folder / "01-pre" / stored.file
    assert path.stat().st_mode & 0o777 == 0o640
    assert hashlib.sha256(path.read_bytes()).hexdigest() == stored.sha256
    text = gzip.decompress(path.read_bytes()).decode()
    assert SECRET not in text
    assert PASSWORD not in text
    header, first, second, end = map(json.loads, text.splitlines())
    assert header["baseline"] == 1
    assert first["outputs"] == ["address", "port"]
    assert second["outputs"] == ["Address"]
    assert first["resources"][0]["physical_id"] == "server-of-a"
    assert end == {"end": {"stacks": 2, "resources": 1, "outputs": 3}}


def test_a_baseline_is_one_snapshot(settled: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    settled.stacks(*(f"s{number}" for number in range(6)))
    described = stored_stacks.described

    def meanwhile(*arguments: Any) -> Any:
        settled.run("DELETE FROM stack WHERE id = (SELECT x FROM (SELECT MAX(id) x FROM stack) y)")
        return described(*arguments)

    monkeypatch.setattr(baseline, "described", meanwhile)
    monkeypatch.setattr(baseline, "STACKS_AT_ONCE", 2)
    assert settled.pre().stacks == 6
    assert [each.kind for each in settled.compare().differences] == ["stack-missing"] * 3


def test_the_newest_whole_gate_that_opened_counts(settled: Cloud) -> None:
    with pytest.raises(Unobserved, match=r"no gate of phase pre that opened is in .*--reports"):
        settled.compare()
    settled.stacks("a")
    settled.pre(1, Verdict.GO_WITH_WARNINGS)
    settled.stacks("b")
    settled.pre(2, Verdict.NO_GO)
    settled.pre(3, Verdict.INCOMPLETE)
    settled.pre(4, partial=True)
    found = settled.compare()
    assert (found.gate, found.stacks) == ("01-pre", 1)
    settled.pre(5)
    found = settled.compare()
    assert (found.gate, found.stacks) == ("05-pre", 2)


def test_a_baseline_that_is_not_whole_is_no_baseline(settled: Cloud) -> None:
    settled.stacks(*(f"s{number}" for number in range(300)))
    folder = settled.heat.folder / "01-pre"
    whole = (folder / settled.pre().file).read_bytes()
    path, evidence = folder / "baseline.jsonl.gz", folder / "evidence.json"

    def refused(content: bytes, digest: str | None = None) -> str:
        path.write_bytes(content)
        digest = digest or hashlib.sha256(content).hexdigest()
        facts = {"observations": {"baseline": {"facts": {"sha256": digest}}}}
        evidence.write_text(json.dumps(facts), "utf-8")
        with pytest.raises(Unobserved) as error:
            settled.compare()
        return str(error.value)

    lines = gzip.decompress(whole).splitlines(keepends=True)
    right = hashlib.sha256(whole).hexdigest()
    assert "its SHA-256 is another" in refused(whole[: len(whole) // 2], right)
    for wrong in (
        whole[: len(whole) // 2],
        gzip.compress(b"".join(lines[:-1])),
        gzip.compress(b"".join([*lines[:20], *lines[21:]])),
        gzip.compress(b"".join([*lines[:20], b"[]\n", *lines[21:]])),
        gzip.compress(b"".join([*lines[:20], b"{}\n", *lines[21:]])),
        gzip.compress(b"".join(lines[1:])),
        b"",
        b"no gzip",
    ):
        assert "was cut off or damaged" in refused(wrong)
    path.unlink()
    with pytest.raises(Unobserved, match="No such file"):
        settled.compare()
    evidence.write_text("{}", "utf-8")
    with pytest.raises(Unobserved, match="records no baseline"):
        settled.compare()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"outputs": [{}]}', None])
def test_a_template_that_is_none_is_an_error(settled: Cloud, text: str | None) -> None:
    settled.add("raw_template", {"id": 9, "template": text})
    settled.stacks("a", template=9)
    with pytest.raises(Unobserved, match="raw_template 9 of stack a is missing or holds no"):
        settled.pre()


def test_without_a_gate_there_is_nowhere_to_store_it(settled: Cloud) -> None:
    with pytest.raises(NotConfigured, match="writes no gate"):
        baseline.observe(settled.heat.site())


def test_a_folder_that_cannot_be_written(settled: Cloud) -> None:
    settled.stacks("a")
    site = settled.heat.site()
    site.gate_folder = settled.heat.folder / "nowhere"
    with pytest.raises(Unobserved, match=r"cannot be written to .*nowhere: No such file"):
        baseline.observe(site)


def test_a_table_that_may_not_be_read(mariadb: MariaDB, tmp_path: Path) -> None:
    name = f"heat_{uuid4().hex[:12]}"
    mariadb.add_database(name, name, PASSWORD)
    cloud = Cloud(HeatDatabase(mariadb.url(name, name, PASSWORD), tmp_path))
    cloud.sync(25)
    cloud.template(1, TEMPLATE)
    cloud.stacks("a")
    reader = f"r_{uuid4().hex[:8]}"
    mariadb.execute(f"CREATE USER {reader}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
    for table in ("stack", "resource", "event"):
        mariadb.execute(f"GRANT SELECT ON {name}.{table} TO {reader}@'127.0.0.1'")
    site = HeatDatabase(mariadb.url(name, reader, PASSWORD), tmp_path).site()
    site.gate_folder = tmp_path / "01-pre"
    site.gate_folder.mkdir()
    # Of an earlier round of --wait: it must not be taken for this round's.
    (site.gate_folder / "baseline.jsonl.gz").write_bytes(b"earlier")
    with pytest.raises(Unobserved, match="may not read table raw_template; grant the account"):
        baseline.observe(site)
    assert list(site.gate_folder.iterdir()) == []
    mariadb.execute(f"GRANT SELECT ON {name}.raw_template TO {reader}@'127.0.0.1'")
    assert baseline.observe(site).stacks == 1
    cloud.engine.dispose()


@pytest.mark.nightly
def test_memory_does_not_grow_with_the_stacks(settled: Cloud) -> None:
    large = json.dumps({"outputs": {"address": {}}, "padding": "x" * 20_000})
    settled.add("raw_template", *({"id": 10 + n, "template": large} for n in range(40)))

    def more(first: int, count: int) -> None:
        for lot in range(first, first + count, 500):
            ids = [f"{number:036}" for number in range(lot, lot + 500)]
            for template in range(40):
                settled.stacks(*ids[template::40], template=10 + template)
            resources = [
                {
                    "uuid": str(uuid4()),
                    "name": f"server{number}",
                    "nova_instance": str(uuid4()),
                    "stack_id": id,
                    "action": "CREATE",
                    "status": "COMPLETE",
                }
                for id in ids
                for number in range(4)
            ]
            settled.add("resource", *resources)

    def peak(number: int) -> tuple[int, int]:
        tracemalloc.start()
        stored = settled.pre(number)
        storing = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        assert settled.compare().totals == ()
        comparing = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(
            f"{stored.stacks} stacks, {stored.bytes} bytes: {storing}, {comparing} bytes of memory"
        )
        return storing, comparing

    more(0, 1000)
    peak(1)
    few = peak(2)
    more(1000, 4000)
    many = peak(3)
    # Five times as many stacks; what else this process does meanwhile is counted too.
    assert many[0] < few[0] * 2
    assert many[1] < few[1] * 2
    # All are gone, and each kind is listed up to its limit and counted to the last.
    settled.run("DELETE FROM resource")
    settled.run("UPDATE stack SET deleted_at = :now", now=ago(0))
    found = settled.compare()
    assert found.totals == (Total("stack-deleted", False, 5000),)
    assert len(found.differences) == preserved.LISTED
