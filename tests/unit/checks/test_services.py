"""The judgement on evidence that a lab shows only rarely, or never at the right moment."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.backup.newest import Backup, BackupFile, Backups
from heat_upgrade_checks.evidence.broker.connections import Client
from heat_upgrade_checks.evidence.broker.listeners import Listener
from heat_upgrade_checks.evidence.broker.notifications import Notifications
from heat_upgrade_checks.evidence.broker.old_queues import OldQueues, Queue, Sample
from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.database.state import Database, ServiceRow
from heat_upgrade_checks.evidence.gates.earlier_gates import EarlierGate, EarlierGates
from heat_upgrade_checks.evidence.notes.facts import Acknowledgement, Note, ReleaseNotes
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.heat.tables import ALWAYS as HEAT_TABLES
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.reading.placement import place, releases_by_host
from heat_upgrade_checks.records.findings import Verdict
from tests.facts import (
    NEW,
    OLD,
    a_configuration,
    a_database,
    a_row,
    an_earlier_gate,
    an_identity,
    connections_of,
)
from tests.judging import NOW, check_at, judge, plan


def _said(gate: Judgement) -> list[str]:
    return [f"{f.level} {f.object}: {f.summary}" for f in gate.findings]


def _release(version: str, **changes: Any) -> Release:
    series = {"24": "2025.1", "25": "2025.2", "26": "2026.1"}.get(version[:2], "x")
    made = Release(version, series, f"/{version}/bin/python", "3.11.7", (), None, "1.36", "1.4")
    return replace(made, **changes)


# --- release.path


@pytest.mark.parametrize(
    ("current", "target", "changes", "expected"),
    [
        ("25.0.2", "26.0.2", {}, []),
        ("25.0.1", "25.0.2", {}, []),
        ("24.1.2", "26.0.2", {}, ["blocker 24.1.2 (2025.1) to 26.0.2 (2026.1): skips a series"]),
        (
            "24.1.2",
            "26.0.2",
            {"allow_skip_level": True},
            [
                "warning 24.1.2 (2025.1) to 26.0.2 (2026.1): skips a series; "
                "Heat's guide supports one series at a time"
            ],
        ),
        (
            "25.0.2",
            "27.0.1",
            {"allow_skip_level": True},
            [
                "blocker 25.0.2 (2025.2) to 27.0.1 (2026.2): "
                "the target is more than one series ahead"
            ],
        ),
        (
            "25.0.2",
            "25.0.2",
            {},
            ["blocker 25.0.2 (2025.2) to 25.0.2 (2025.2): both sides have the same version"],
        ),
        (
            "26.0.2",
            "25.0.2",
            {},
            [
                "blocker 26.0.2 (2026.1) to 25.0.2 (2025.2): "
                "the target is older than the current release"
            ],
        ),
        (
            "25.0.2",
            "26.0.0.0rc1",
            {},
            ["warning 26.0.0.0rc1 (2026.1): the target is a pre-release"],
        ),
    ],
)
def test_release_path(
    current: str, target: str, changes: dict[str, Any], expected: list[str]
) -> None:
    gate = judge(
        check_at("release.path", "pre"),
        "pre",
        of=plan(**changes),
        current_release=_release(current),
        target_release=_release(target),
    )
    assert _said(gate) == expected


# --- release.notes-acknowledged


def test_notes() -> None:
    notes = (
        Note("a.yaml", "1", {"upgrade": ("x",)}),
        Note("b.yaml", "2", {"security": ("x",)}),
        Note("c.yaml", "3", {"issues": ("x",)}),
        Note("d.yaml", "4", {"fixes": ("x",)}),
    )
    signed = Acknowledgement("a.yaml", "1", "me", "2026-11-22", "", ())
    entries = (
        signed,
        replace(signed, name="b.yaml", sha256="other"),
        replace(signed, name="c.yaml", sha256="3", at=" "),
        replace(signed, name="gone.yaml"),
    )
    facts = ReleaseNotes("25", "26", notes, "/notes.yaml", entries)
    gate = judge(check_at("release.notes-acknowledged", "pre"), "pre", release_notes=facts)
    assert _said(gate) == [
        "blocker b.yaml: changed since it was acknowledged",
        "blocker c.yaml: is not acknowledged (issues)",
        "warning gone.yaml: is acknowledged, but no note between the two releases has this name",
        "note a.yaml: acknowledged by me at 2026-11-22",
        "note d.yaml: needs no acknowledgement (fixes)",
    ]


# --- backup


def _backups(**changes: Any) -> Backups:
    newest = Backup(
        path="/b/heat.sql",
        bytes=1,
        decoded_bytes=1,
        sha256="0",
        modified_at=NOW - timedelta(hours=1),
        finished_at=NOW - timedelta(hours=1),
        format="mariadb-dump",
        databases=("heat",),
        tables=tuple(HEAT_TABLES),
        revision="c6214ca60943",
        damage="",
    )
    newest = replace(newest, **changes)
    return Backups("/b/*.sql", "heat", (BackupFile(newest.path, 1, NOW),), newest)


@pytest.mark.parametrize(
    ("changes", "database", "expected"),
    [
        ({}, {}, []),
        # Copied an hour ago, but made last week, as its end marker says.
        (
            {"finished_at": NOW - timedelta(days=7)},
            {},
            ["was taken at 2026-11-15 12:00 UTC, 168 h 0 min ago; the plan allows 24 h 0 min"],
        ),
        # Another time zone is no age.
        ({"finished_at": NOW - timedelta(hours=13)}, {}, []),
        (
            {},
            {"changed_at": NOW - timedelta(minutes=5)},
            ["is older than the last schema change, 2026-11-22 11:55:00 UTC"],
        ),
    ],
)
def test_backup_fresh(
    changes: dict[str, Any], database: dict[str, Any], expected: list[str]
) -> None:
    facts: dict[str, Any] = {"backups": _backups(**changes), "database": a_database(**database)}
    gate = judge(check_at("backup.fresh", "pre"), "pre", **facts)
    assert [finding.summary for finding in gate.findings] == expected


def test_a_backup_from_the_future_is_unknown() -> None:
    facts: dict[str, Any] = {
        "backups": _backups(modified_at=NOW + timedelta(hours=1)),
        "database": a_database(),
    }
    gate = judge(check_at("backup.fresh", "pre"), "pre", **facts)
    assert "last modified in the future" in gate.unknowns[0]


def test_a_backup_without_a_table() -> None:
    tables = tuple(HEAT_TABLES - {"resource", "event"})
    facts: dict[str, Any] = {"backups": _backups(tables=tables), "database": a_database()}
    gate = judge(check_at("backup.complete", "pre"), "pre", **facts)
    assert _said(gate) == ["blocker /b/heat.sql: lacks 2 of Heat's tables: event, resource"]


def test_a_backup_needs_the_later_tables_that_the_database_has() -> None:
    later = ("alembic_version", "resource_snapshot")
    for live, backed_up, lacking in (
        ((*later, "notes_of_the_site"), (), later),
        (later, later[:1], later[1:]),
        (later, later, ()),
        ((), (), ()),
    ):
        facts: dict[str, Any] = {
            "backups": _backups(tables=(*HEAT_TABLES, *backed_up)),
            "database": a_database(tables=live),
        }
        gate = judge(check_at("backup.complete", "pre"), "pre", **facts)
        expected = f"blocker /b/heat.sql: lacks {len(lacking)} of Heat's tables: "
        assert _said(gate) == ([expected + ", ".join(lacking)] if lacking else [])


# --- schema.at-head


@pytest.mark.parametrize(
    ("database", "release", "expected"),
    [
        ({}, {"schema_heads": ("c6214ca60943",)}, None),
        ({"revisions": (), "migrate_version": 86}, {"migrate_head": 86}, None),
        ({"revisions": (), "migrate_version": 79}, {"migrate_head": 86}, "is at 79;"),
        ({"revisions": ()}, {"schema_heads": ("c6214ca60943",)}, "is at no revision;"),
        (
            {"revisions": ("a", "b")},
            {"schema_heads": ("b",)},
            "is at a, b;",
        ),
        # Alembic has taken over: 2023.1 must not run on it, whatever migrate_version says.
        ({"migrate_version": 86}, {"migrate_head": 86}, "is at c6214ca60943;"),
    ],
)
def test_schema(database: dict[str, Any], release: dict[str, Any], expected: str | None) -> None:
    facts: dict[str, Any] = {
        "database": a_database(**database),
        "current_release": _release("25.0.2", **release),
    }
    of = plan(
        current={
            "python": "/opt/n/bin/python",
            "prefix": ["podman", "exec", "heat"],
            "config": ["/etc/heat/heat.conf"],
        }
    )
    gate = judge(check_at("schema.at-head", "pre"), "pre", of=of, **facts)
    said = _said(gate)
    assert said == [] if expected is None else expected in said[0]
    manage = ("/opt/n/bin/heat-manage", "--config-file", "/etc/heat/heat.conf")
    for finding in gate.findings:
        assert finding.commands == (("podman", "exec", "heat", *manage, "db_sync"),)


def test_a_release_without_an_interpreter_has_no_head() -> None:
    facts: dict[str, Any] = {"database": a_database(), "current_release": _release("25.0.2")}
    gate = judge(check_at("schema.at-head", "pre"), "pre", **facts)
    assert "add current.python to the plan" in gate.unknowns[0]


# --- vhost.isolated


def _isolated(
    engines: list[tuple[str, str, list[str]]],
    of: Plan | None = None,
    strangers: tuple[Listener, ...] = (),
    consumers: int | None = 1,
    clients: tuple[Client, ...] = (),
    opened: tuple[EarlierGate, ...] = (),
) -> Judgement:
    """Engines as (id, host, vhosts)."""
    listeners = [Listener(id, vhost, consumers) for id, _, vhosts in engines for vhost in vhosts]
    rows = [a_row(id, host) for id, host, _ in engines]
    cold = of is not None and of.mode == "cold"
    return judge(
        check_at("vhost.isolated", "vhost"),
        "post" if cold else "engine",
        host="" if cold else "control1",
        of=of,
        placement=place(rows, [*listeners, *strangers]),
        connections=connections_of(new=clients),
        earlier_gates=EarlierGates("/reports", opened, an_identity()),
    )


def test_each_on_its_vhost() -> None:
    gate = _isolated([("a", "control1", [OLD]), ("b", "control2", [NEW])])
    assert (gate.findings, gate.unknowns) == ([], [])


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        (
            ("b", "control2", [OLD]),
            "engine control2 (b): of the target release works on vhost heat-n, not heat-n1",
        ),
        (
            ("a", "control1", [NEW]),
            "engine control1 (a): of the current release works on vhost heat-n1, not heat-n",
        ),
        (
            ("b", "control2", [OLD, NEW]),
            "engine control2 (b): listens on several vhosts: heat-n, heat-n1",
        ),
        (
            ("c", "control3", ["nova"]),
            "engine control3 (c): works on vhost nova, which is neither heat-n nor heat-n1",
        ),
    ],
)
def test_a_misplaced_engine(engine: tuple[str, str, list[str]], expected: str) -> None:
    assert _said(_isolated([engine])) == [f"blocker {expected}"]


@pytest.mark.parametrize("consumers", [0, None])
def test_an_engine_without_a_known_consumer_is_unknown(consumers: int | None) -> None:
    gate = _isolated([("a", "control1", [OLD])], consumers=consumers)
    assert gate.findings == []
    assert "engine control1 (a) reports, but listens on no vhost" in gate.unknowns[0]


@pytest.mark.parametrize(
    ("minutes", "vhost", "expected"),
    [
        (1, OLD, "blocker engine control1 (a): was started on vhost heat-n at 2026-11-22 12:00:00"),
        (1, NEW, ""),
        (-1, OLD, ""),
    ],
)
def test_where_both_releases_have_the_host_its_start_tells_the_release(
    minutes: int, vhost: str, expected: str
) -> None:
    both = plan(
        current={"version": "25.0.2", "engines": ["control1"]},
        target={"version": "26.0.2", "engines": ["control1"]},
    )
    opened = (an_earlier_gate("vhost", NOW - timedelta(minutes=minutes)),)
    gate = _isolated([("a", "control1", [vhost])], both, opened=opened)
    assert "".join(_said(gate)).startswith(expected)
    assert len(gate.findings) == bool(expected)
    # It was not asked, or it did not open: then nothing is known of the engine's start.
    assert _isolated([("a", "control1", [vhost])], both).findings == []


def test_an_engine_whose_release_nothing_tells_is_a_note() -> None:
    assert _isolated([("c", "control3", [NEW])]).findings[0].level == "note"


@pytest.mark.parametrize("listed", ["current", "target"])
@pytest.mark.parametrize("vhost", [OLD, NEW])
def test_the_hosts_of_one_release_alone_do_not_tell_the_others(listed: str, vhost: str) -> None:
    hosts = {"engines": ["control1", "control2", "control3"]}
    releases = {"current": {"version": "25.0.2"}, "target": {"version": "26.0.2"}}
    of = plan(**{**releases, listed: {**releases[listed], **hosts}})
    gate = _isolated([("b", "control2", [vhost])], of)
    assert [(finding.level, finding.hint) for finding in gate.findings] == [
        ("note", "List the engines' hosts as current.engines and target.engines in the plan.")
    ]


def test_the_name_of_the_machine_that_asks_is_not_a_configured_host() -> None:
    set_, default = a_configuration(OLD, "control1"), a_configuration(NEW, "deploy")
    default = replace(default, host_is_set=False)
    assert releases_by_host(plan(), set_, replace(default, host_is_set=True)) == {
        "control1": "current",
        "deploy": "target",
    }
    assert releases_by_host(plan(), set_, default) == {}


def test_a_listener_that_no_service_row_knows_is_a_warning() -> None:
    gate = _isolated([("a", "control1", [OLD])], strangers=(Listener("x", NEW, 2),))
    assert [finding.level for finding in gate.findings] == ["warning"]


def test_a_process_on_the_new_vhost_that_is_not_known_as_heats_is_a_warning() -> None:
    clients = (
        Client("heat-engine", 7, "10.0.0.1", "heat", 4, ("engine_worker",)),
        Client("uwsgi", 8, "10.0.0.1", "heat", 2, ("reply_a",)),
        Client("telemetry", None, "10.0.0.9", "ceilometer", 1, ("notifications.info",)),
    )
    assert _said(_isolated([("a", "control1", [OLD])], clients=clients)) == [
        "warning program telemetry: 1 process has 1 connection to vhost heat-n1; it is not known "
        "as Heat's"
    ]


def test_strangers_on_the_new_vhost_are_a_warning_for_each_program() -> None:
    clients = tuple(
        Client(program, pid, "10.0.0.1", "openstack", 2, ())
        for program in ("nova-conductor", "uwsgi")
        for pid in (7, 8, 9)
    )
    assert _said(_isolated([("a", "control1", [OLD])], clients=clients)) == [
        f"warning program {program}: 3 processes have 6 connections to vhost heat-n1; "
        "it is not known as Heat's"
        for program in ("nova-conductor", "uwsgi")
    ]


# --- queues.no-new-work

API, OTHER_API = (Client("heat-api", pid, "api1", "heat", 2, ()) for pid in (8, 9))


def _new_work(*old: Client, vhost: str = OLD, **changes: Any) -> Judgement:
    return judge(
        check_at("queues.no-new-work", "engine"),
        "engine",
        host="control1",
        of=plan(**changes),
        placement=place([a_row("a", "control1")], [Listener("a", vhost, 1)]),
        connections=connections_of(old=old, new=(API,)),
    )


def test_an_engine_that_stops_while_apis_give_it_work() -> None:
    gate = _new_work(API, OTHER_API, Client("heat-engine", 7, "h", "heat", 4, ()))
    assert _said(gate) == [
        "warning vhost heat-n: is still given work by 2 APIs; what users ask for while the engine "
        "stops may be lost for good"
    ]
    assert gate.findings[0].hint.startswith("Move the APIs to the new vhost first")
    shared = _new_work(API, broker={"isolation": "shared"})
    assert shared.findings[0].hint.startswith("Keep users away")
    assert _said(_new_work()) == []


def test_an_engine_that_has_moved_already_is_given_work_rightly() -> None:
    with pytest.raises(NotConfigured, match="no engine on control1 works on vhost heat-n"):
        _new_work(API, vhost=NEW)


# --- queues.no-api-left


@pytest.mark.parametrize(
    ("client", "level"),
    [
        (Client("heat-api", 8, "h", "anybody", 2, ()), "blocker"),
        (Client("uwsgi", 8, "h", "heat", 2, ()), "blocker"),
        (Client("uwsgi", 8, "h", "nova", 2, ("reply_a",)), "warning"),
        (Client("", None, "h", "heat", 2, ("reply_a",)), "blocker"),
        (Client("", None, "h", "heat", 2, ("reply_host:uwsgi:1",)), "blocker"),
        (Client("", None, "h", "heat", 2, ("notifications.info",)), "warning"),
        (Client("", None, "h", "heat", 2, ()), "warning"),
        (Client("", None, "h", "heat", 2, ("engine.control1", "reply_a")), None),
        (Client("", None, "h", "heat", 2, ("engine_worker_fanout_0f",)), None),
        (Client("heat-engine", 9, "h", "heat", 2, ()), None),
        (Client("nova-conductor", 9, "h", "heat", 2, ("conductor", "reply_a")), "note"),
    ],
)
def test_who_publishes_to_the_old_vhost(client: Client, level: str | None) -> None:
    gate = judge(
        check_at("queues.no-api-left", "last-engine"),
        "last-engine",
        connections=connections_of(old=(client,)),
    )
    assert [finding.level for finding in gate.findings] == ([level] if level else [])


@pytest.mark.parametrize("changes", [{"mode": "cold"}, {"broker": {"isolation": "shared"}}])
def test_isolation_is_not_asked_where_it_cannot_be(changes: dict[str, Any]) -> None:
    with pytest.raises(NotConfigured):
        _isolated([], of=plan(**changes))


# --- queues.empty


def _queues(
    *samples: list[Queue],
    exists: bool = True,
    rate: float | None = 0.0,
    database: Database | None = None,
) -> OldQueues:
    taken = tuple(Sample(NOW, tuple(queues)) for queues in samples)
    return OldQueues("http://rabbit:15672", OLD, exists, True, taken, rate, database, "gone")


def _drain(old_queues: OldQueues, of: Plan | None = None) -> Judgement:
    return judge(
        check_at("queues.empty", "last-engine"),
        "last-engine",
        of=of,
        old_queues=old_queues,
        database=a_database(),
    )


def test_every_sample_must_be_empty() -> None:
    empty = [Queue("engine_worker", "classic", 0, 0)]
    full = [Queue("engine_worker", "classic", 2, 1)]
    assert _said(_drain(_queues(empty, empty, empty))) == []
    assert _said(_drain(_queues(empty, full, empty))) == [
        "blocker queue engine_worker: 3 messages wait (1 unacknowledged)"
    ]


def test_a_missing_count_in_any_sample_is_unknown() -> None:
    known = [Queue("engine", "classic", 0, 0)]
    for missing in (Queue("engine", "classic", None, 0), Queue("engine", "classic", 0, None)):
        gate = _drain(_queues(known, [missing], known))
        assert gate.findings == []
        assert "how many messages queue engine holds" in gate.unknowns[0]


def test_a_vhost_that_is_still_published_to() -> None:
    assert _said(_drain(_queues([], rate=0.4))) == [
        "blocker vhost heat-n: 0.4 messages a second are still published to the queues of work "
        "in it"
    ]
    gate = _drain(_queues([], rate=None))
    assert "keeps no statistics" in gate.unknowns[0]


def test_a_database_that_could_not_be_read_between_the_samples() -> None:
    with pytest.raises(Unobserved, match="gone"):
        _queues([]).read_between()


def test_what_is_no_work_does_not_count() -> None:
    names = ["reply_1f", "engine_fanout_1f", "notifications.info", "engine_worker_fanout_1f"]
    assert _said(_drain(_queues([Queue(name, "classic", 9, 9) for name in names]))) == []


def test_work_of_an_engine_that_is_gone() -> None:
    queues = [Queue("engine_worker.e1", "classic", 1, 0), Queue("engine_worker.x", "classic", 1, 0)]
    assert [said.endswith("its engine is gone") for said in _said(_drain(_queues(queues)))] == [
        False,
        True,
    ]


def test_an_old_vhost_that_was_deleted_too_early() -> None:
    assert _said(_drain(_queues(exists=False))) == [
        "blocker vhost heat-n: does not exist; whatever waited in it is lost"
    ]


def test_on_a_shared_vhost_only_an_engines_own_queues_count() -> None:
    queues = [Queue("engine_worker", "classic", 5, 0), Queue("engine_worker.e1", "classic", 1, 0)]
    shared = plan(broker={"isolation": "shared"})
    assert _said(_drain(_queues(queues), shared)) == [
        "blocker queue engine_worker.e1: 1 messages wait (0 unacknowledged)"
    ]


def test_after_a_cold_stop_it_is_a_warning() -> None:
    gate = judge(
        check_at("queues.empty", "stopped"),
        "stopped",
        of=plan(mode="cold"),
        old_queues=_queues([Queue("engine_worker", "classic", 1, 0)]),
        database=a_database(),
    )
    assert [finding.level for finding in gate.findings] == ["warning"]


# --- services


def _alive(phase: str, *rows: ServiceRow, **changes: Any) -> list[str]:
    database = a_database(services=rows)
    check = check_at("services.alive", "pre")
    return _said(judge(check, phase, of=plan(**changes), database=database))


def _without(host: str, *engines: tuple[ServiceRow, str], **changes: Any) -> Judgement:
    """What phase engine says of this host; an engine is its row and its vhost."""
    rows = tuple(row for row, _ in engines)
    return judge(
        check_at("services.alive", "engine"),
        "engine",
        host=host,
        of=plan(**changes),
        database=a_database(services=rows),
        placement=place(rows, [Listener(row.engine_id, vhost, 1) for row, vhost in engines]),
    )


def test_engines_that_report() -> None:
    assert _alive("pre", a_row("a", "control1"), a_row("b", "control2")) == []


def test_no_engine_at_all_is_a_blocker() -> None:
    assert _alive("pre") == ["blocker heat-engine: no engine is alive"]
    alone = (a_row("a", "control1"), OLD)
    assert _said(_without("control1", alone, broker={"isolation": "shared"})) == [
        "blocker heat-engine: no engine besides control1 is alive"
    ]


def test_a_listed_host_without_a_row() -> None:
    current = {"version": "25.0.2", "engines": ["control1", "control2"]}
    assert _alive("pre", a_row("a", "control1"), current=current) == [
        "blocker engine host control2: has no service row"
    ]


def test_one_of_several_workers_that_died() -> None:
    rows = (a_row("a", "control1"), a_row("b", "control1", silent=500))
    assert _alive("pre", *rows) == [
        "warning engine host control1: 1 of 2 workers do not report; they ended without a stop"
    ]


def test_a_host_that_has_no_engine_is_taken_for_an_api() -> None:
    gate = _without("api1", (a_row("a", "control1"), OLD))
    assert _said(gate) == [
        "note host api1: has no engine, so this gate is taken to be about its API; "
        "engine hosts: control1"
    ]
    assert gate.unknowns == []


LAST = (
    "blocker engine host control1: has the last engine on vhost heat-n; when it has stopped, "
    "nobody there answers an API or does what is left"
)


@pytest.mark.parametrize(
    ("other", "vhost", "last"),
    [
        (a_row("b", "control2"), OLD, False),
        (a_row("b", "control2"), NEW, True),
        (a_row("b", "control2", silent=500), OLD, True),
        # A second worker of the engine that is taken away.
        (a_row("b", "control1"), OLD, True),
    ],
)
def test_who_carries_on_for_the_old_vhost(other: ServiceRow, vhost: str, last: bool) -> None:
    new = (a_row("n", "control1"), NEW)
    gate = _without("control1", (a_row("a", "control1"), OLD), (other, vhost), new)
    assert (LAST in _said(gate)) == last


def test_the_last_old_engine_is_for_a_phase_of_its_own() -> None:
    engines = ((a_row("a", "control1"), OLD), (a_row("b", "control2"), NEW))
    (finding,) = _without("control1", *engines).findings
    assert finding.commands == (("heat-upgrade-check", "--phase", "last-engine"),)
    assert "give it as --host" not in finding.hint
    api = {"backends": ["http://control1:8004"]}
    assert "give it as --host" in _without("control1", *engines, api=api).findings[0].hint
    # What has gone already, and an API of its own address.
    for host in ("control2", "192.0.2.11"):
        assert [f for f in _without(host, *engines).findings if f.level == "blocker"] == []
    assert _without("control1", *engines, broker={"isolation": "shared"}).findings == []


@pytest.mark.parametrize(
    ("named", "row"),
    [
        ("control1", a_row("a", "control1.example.org")),
        ("control1.example.org", a_row("a", "control1")),
        ("Control1", a_row("a", "control1")),
        ("control1", replace(a_row("a", "engine-a"), hostname="control1.example.org")),
    ],
)
def test_another_name_of_an_engines_host_is_unknown(named: str, row: ServiceRow) -> None:
    gate = _without(named, (row, OLD), (a_row("b", "control2"), OLD))
    assert gate.findings == []
    assert gate.unknowns == [
        f"{named} seems to be the host that the service rows call {row.host}, so what its engine "
        f"holds was not judged; give --host {row.host}"
    ]
    # Once it runs the target release only, it is no engine that leaves.
    assert _without(named, (row, NEW), (a_row("b", "control2"), OLD)).unknowns == []


def test_on_a_shared_vhost_the_plan_tells_which_of_a_machines_engines_stays() -> None:
    new = replace(a_row("n", "control1-2026.2"), hostname="control1")
    shared: dict[str, Any] = {
        "broker": {"isolation": "shared"},
        "current": {"version": "26.0.2", "engines": ["control1", "control2"]},
    }
    assert _without("control1", (new, OLD), **shared).unknowns
    shared["target"] = {"version": "27.0.1", "engines": ["control1-2026.2"]}
    assert _without("control1", (new, OLD), **shared).unknowns == []


def _versions(
    phase: str,
    rows: list[ServiceRow],
    listeners: list[Listener],
    *,
    mode: str = "rolling",
    gates: tuple[EarlierGate, ...] = (),
    new: str = NEW,
) -> Judgement:
    return judge(
        check_at("services.versions", "installed"),
        phase,
        of=plan(mode=mode),
        placement=place(rows, listeners),
        current_configuration=a_configuration(OLD, "control1"),
        target_configuration=a_configuration(new, "control2"),
        earlier_gates=EarlierGates("/reports", gates, an_identity()),
        database=a_database(services=tuple(rows)),
    )


@pytest.mark.parametrize(
    ("phase", "vhost", "red"),
    [
        ("installed", OLD, False),
        ("installed", NEW, True),
        ("engine", OLD, False),
        ("engine", NEW, False),
        ("post", NEW, False),
        ("post", OLD, True),
    ],
)
def test_the_release_by_the_vhost(phase: str, vhost: str, red: bool) -> None:
    gate = _versions(phase, [a_row("a", "control1")], [Listener("a", vhost, 1)])
    assert (bool(gate.findings), gate.unknowns) == (red, [])


@pytest.mark.parametrize(
    ("phase", "host", "red"),
    [
        ("installed", "control1", False),
        ("installed", "control2", True),
        ("engine", "control1", False),
        ("engine", "control2", False),
        ("post", "control2", False),
        ("post", "control1", True),
    ],
)
def test_on_one_vhost_the_hosts_tell_the_release(phase: str, host: str, red: bool) -> None:
    gate = _versions(phase, [a_row("a", host)], [Listener("a", OLD, 1)], new=OLD)
    assert (bool(gate.findings), gate.unknowns) == (red, [])


def test_on_one_vhost_a_host_of_neither_release_tells_nothing() -> None:
    gate = _versions("post", [a_row("a", "control3")], [Listener("a", OLD, 1)], new=OLD)
    assert "its host is not one release's alone" in gate.unknowns[0]


STOPPED = an_earlier_gate("stopped", NOW - timedelta(hours=1))


def test_after_a_cold_stop_only_what_was_started_since_runs_the_target() -> None:
    new, old = a_row("n", "control2"), a_row("o", "control2", created=NOW - timedelta(hours=2))
    gate = _versions("post", [new, old], [], mode="cold", gates=(STOPPED,), new=OLD)
    (finding,) = gate.findings
    assert finding.object == "engine control2 (o)"
    assert "before phase stopped; it runs the current release" in finding.summary


def test_hosts_whose_code_nobody_looked_at_are_a_warning_after_a_cold_upgrade() -> None:
    rows = [a_row(id, f"control{id}") for id in "3212"]
    gate = _versions("post", rows, [], mode="cold", gates=(STOPPED,), new=OLD)
    (finding,) = gate.findings
    assert (finding.level, finding.object) == ("warning", "code of other hosts")
    assert finding.summary.startswith("was not looked at: control1, control3; ")
    assert finding.commands == (("heat-engine", "--version"),)


@pytest.mark.parametrize(("vhost", "red"), [(NEW, False), (OLD, True)])
def test_after_a_cold_upgrade_onto_another_vhost_that_one_tells(vhost: str, red: bool) -> None:
    rows, listeners = [a_row("a", "control3")], [Listener("a", vhost, 1)]
    gate = _versions("post", rows, listeners, mode="cold", gates=(STOPPED,))
    assert ([finding.level for finding in gate.findings], gate.unknowns) == (["blocker"] * red, [])


@pytest.mark.parametrize("gates", [(), (replace(STOPPED, verdict=Verdict.NO_GO),)])
def test_without_an_open_stopped_gate_a_cold_upgrade_proves_nothing(
    gates: tuple[EarlierGate, ...],
) -> None:
    gate = _versions("post", [a_row("n", "control1")], [], mode="cold", gates=gates, new=OLD)
    assert "no gate of phase stopped has opened" in gate.unknowns[0]


def test_no_engine_runs_between_cold_stop_and_start() -> None:
    gate = _versions("installed", [a_row("n", "control1")], [], mode="cold", new=OLD)
    assert [finding.level for finding in gate.findings] == ["blocker"]
    apart = _versions("installed", [a_row("n", "control1")], [], mode="cold")
    assert [finding.level for finding in apart.findings] == ["blocker"]


# --- services.stopped


def _stopped(
    rows: tuple[ServiceRow, ...] = (),
    listeners: tuple[Listener, ...] = (),
    old: tuple[Client, ...] = (),
) -> list[str]:
    gate = judge(
        check_at("services.stopped", "stopped"),
        "stopped",
        of=plan(mode="cold"),
        database=a_database(services=rows),
        placement=place(rows, listeners),
        connections=connections_of(old=old),
    )
    return [f"{f.level} {f.object}" for f in gate.findings]


def test_nothing_runs() -> None:
    assert _stopped((a_row("e1", "control1", silent=121),)) == []


def test_each_thing_that_still_runs_is_named() -> None:
    assert _stopped((a_row("e1", "control1"),)) == ["blocker engine control1 (e1)"]
    assert _stopped((), (Listener("x", OLD, 1),)) == ["blocker engine x"]
    clients = (
        Client("uwsgi", 7, "h", "heat", 2, ()),
        Client("heat-engine", 8, "h", "heat", 2, ()),
        Client("telemetry", None, "h", "ceilometer", 1, ()),
    )
    assert _stopped(old=clients) == [
        "blocker uwsgi (pid 7) on h",
        "blocker heat-engine (pid 8) on h",
        "warning program telemetry",
    ]


def _shared() -> tuple[Client, ...]:
    """Other services' processes on the one vhost and with the one account of kolla-ansible."""
    named = [
        Client(program, pid, "ctl1", "heat", 4, ("topic", "reply_1f"))
        for program in ("cinder-volume", "neutron-dhcp-agent", "nova-conductor")
        for pid in (7, 8)
    ]
    return (*named, Client("uwsgi", 21, "ctl1", "heat", 2, ("reply_ctl1:nova-api:1",)))


SHARED = (
    "note vhost heat-n: other services use it too: cinder-volume (2), neutron-dhcp-agent (2), "
    "nova-conductor (2), uwsgi (1)"
)


def test_other_services_on_a_shared_vhost_are_one_note() -> None:
    found = connections_of(old=_shared())
    stopped = judge(
        check_at("services.stopped", "stopped"),
        "stopped",
        of=plan(mode="cold"),
        database=a_database(services=()),
        placement=place((), ()),
        connections=found,
    )
    no_api = check_at("queues.no-api-left", "last-engine")
    assert _said(stopped) == [SHARED]
    assert _said(judge(no_api, "last-engine", connections=found)) == [SHARED]
    assert _said(_residue(_shared())) == [SHARED]


def test_an_api_of_heat_among_other_services_is_found() -> None:
    # In containers two processes of one host may have the same pid: the broker shows one of them.
    replies = ("reply_ctl1:heat-api:1", "reply_ctl1:nova-api:1")
    api = Client("uwsgi", 22, "ctl1", "heat", 4, replies)
    found = _stopped(old=(*_shared(), api))
    assert found == ["blocker uwsgi (pid 22) on ctl1", "note vhost heat-n"]


def _residue(clients: tuple[Client, ...], **notifications: Any) -> Judgement:
    return judge(
        check_at("queues.old-residue", "post"),
        "post",
        connections=connections_of(old=clients),
        current_configuration=a_configuration(OLD, "control1"),
        target_configuration=a_configuration(NEW, "control1"),
        notifications=replace(
            Notifications(("messagingv2",), NEW, True, False, ()), **notifications
        ),
    )


def test_an_old_vhost_to_which_engines_send_notifications_stays() -> None:
    sender = Client("heat-engine", 8, "h", "heat", 1, ())
    for clients, seen in (((sender,), "1 connection"), ((), "0 connections")):
        (finding,) = _residue(clients, vhost=OLD).findings
        assert (finding.level, finding.commands) == ("note", ())
        assert finding.summary == (
            "must stay: the target release sends its notifications there, now by "
            f"{seen} of its engines"
        )


@pytest.mark.parametrize(
    ("client", "notifications"),
    [
        (Client("heat-engine", 8, "h", "heat", 1, ()), {"vhost": NEW}),
        (Client("heat-engine", 8, "h", "heat", 1, ()), {"vhost": OLD, "drivers": ("noop",)}),
        (Client("heat-engine", 8, "h", "heat", 1, ()), {"vhost": "", "incomplete": ("why",)}),
        (Client("heat-engine", 8, "h", "heat", 2, ("engine",)), {"vhost": OLD}),
        (Client("heat-engine", 8, "h", "heat", 2, ("reply_1f",)), {"vhost": OLD}),
        (Client("heat-api", 8, "h", "heat", 1, ()), {"vhost": OLD}),
    ],
)
def test_what_does_more_than_send_notifications_is_left_over(
    client: Client, notifications: dict[str, Any]
) -> None:
    gate = _residue((client,), **notifications)
    assert [f.object for f in gate.findings if f.level == "blocker"] == [str(client)]


def test_an_old_vhost_that_may_get_notifications_is_not_given_up() -> None:
    (finding,) = _residue((), vhost="", incomplete=("why",)).findings
    assert (finding.level, finding.commands) == ("note", ())
    assert finding.summary.endswith("which could not be seen: why")


def test_what_is_left_on_the_old_vhost() -> None:
    clients = (
        Client("uwsgi", 7, "h", "heat", 2, ()),
        Client("heat-engine", 8, "h", "heat", 2, ()),
        Client("telemetry", None, "h", "ceilometer", 1, ()),
    )
    assert [f"{f.level} {f.object}" for f in _residue(clients).findings] == [
        "blocker uwsgi (pid 7) on h",
        "blocker heat-engine (pid 8) on h",
        "warning program telemetry",
    ]
    hints = [finding.hint for finding in _residue(clients).findings]
    assert ["account of its own" in hint for hint in hints] == [True, False, False]
    assert _said(_residue(())) == [
        "note vhost heat-n: is not used any more and may be deleted",
    ]


# --- services.residue, services.clock


def test_the_row_of_a_dead_engine_is_named() -> None:
    rows = (a_row("e1", "control1"), a_row("e2", "control2", silent=500))
    database = a_database(services=rows)
    target = {"python": "/opt/26/bin/python", "config": ["/etc/heat-26/heat.conf"]}
    gate = judge(
        check_at("services.residue", "post"), "post", of=plan(target=target), database=database
    )
    assert gate.findings[0].commands == (
        (
            "/opt/26/bin/heat-manage",
            "--config-file",
            "/etc/heat-26/heat.conf",
            "service",
            "clean",
        ),
    )
    assert _said(gate) == [
        "warning engine control2 (e2): reported last 500 s ago and did not end cleanly"
    ]


@pytest.mark.parametrize(
    ("local", "silent", "expected"),
    [
        (0, 1, []),
        (1.9, 100, []),
        (-2.1, 1, ["warning clock of this machine: is 2 s behind that of the database's server"]),
        (31, 1, ["blocker clock of this machine: is 31 s ahead of that of the database's server"]),
        (0, -1.9, []),
        (0, -5, ["warning clock of engine control1 (e1): is 5 s ahead of that of the database's"]),
        (0, -40, ["blocker clock of engine control1 (e1): is 40 s ahead of that of the database"]),
    ],
)
def test_clocks(local: float, silent: float, expected: list[str]) -> None:
    database = a_database(
        local_clock=NOW + timedelta(seconds=local),
        services=(a_row("e1", "control1", silent=silent),),
    )
    said = _said(judge(check_at("services.clock", "pre"), "pre", database=database))
    assert len(said) == len(expected)
    assert all(one.startswith(start) for one, start in zip(said, expected, strict=True))
