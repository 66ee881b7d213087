from dataclasses import asdict

from heat_upgrade_checks.evidence.backup.newest import Backups
from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.gates.last_rehearsal import LastRehearsal
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat import tables
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.records.rehearsal import Exercise, Failure, Rehearsal
from heat_upgrade_checks.schema.meaning import meaning, restraint
from heat_upgrade_checks.schema.server_kind import kind
from heat_upgrade_checks.wording import duration

_REHEARSE = "Rehearse it; nothing of the live database is touched."


_COMMAND = (["heat-upgrade-check", "rehearse"],)


_UNFIT = "Do not upgrade this database with this target; report it to Heat's developers."


@check("schema.rehearsed", phases=["pre"], guide="prerequisites")
def check_the_migration_was_rehearsed(
    rehearsal: LastRehearsal,
    backups: Backups,
    database: Database,
    current_release: Release,
    target_release: Release,
    gate: Judgement,
) -> None:
    """The target's db_sync succeeded on this backup, and the releases worked on what it left."""
    gate.looked_at(
        f"{rehearsal.extent}; current {current_release.extent}; target {target_release.extent}; "
        f"database {database.name} on {database.server}"
    )
    record = rehearsal.record
    if record is None:
        _not_rehearsed("was not migrated in a rehearsal", backups, gate)
    elif reason := _of_another_upgrade(record, backups, current_release, target_release):
        _not_rehearsed(reason, backups, gate)
    elif record.failure is not None:
        gate.block(
            f"the rehearsal's step {record.failure.step}",
            record.failure.sentence,
            hint="Remove the reason (schema.charset and schema.not-half-migrated name known ones), "
            "make another backup and rehearse it.",
            commands=_COMMAND,
        )
    elif record.migrated is None or record.exercise is None:
        gate.cannot_tell(f"{rehearsal.extent} does not say how it ended; rehearse again")
    elif reason := _no_proof(record, record.exercise, database, _at_work(gate)):
        _not_rehearsed(reason, backups, gate)
    else:
        _judge(record, record.exercise, gate)


def _not_rehearsed(reason: str, backups: Backups, gate: Judgement) -> None:
    gate.not_done(f"database {backups.database}", reason, hint=_REHEARSE, commands=_COMMAND)


def _of_another_upgrade(
    record: Rehearsal, backups: Backups, current: Release, target: Release
) -> str:
    """Why the record is not of this upgrade of this backup; "" if it is."""
    for side, rehearsed, release in (
        ("current", record.current_version, current),
        ("target", record.target_version, target),
    ):
        if rehearsed != release.version:
            way = "from" if side == "current" else "to"
            return (
                f"was migrated {way} {rehearsed} in the rehearsal, and the {side} release is "
                f"{release.version}"
            )
    if backups.newest is None or record.backup.sha256 != backups.newest.sha256:
        return f"was rehearsed with {record.backup.path}, which is not the newest backup"
    return ""


def _no_proof(
    record: Rehearsal, exercise: Exercise, database: Database, at_work: set[SideName]
) -> str:
    """Why a rehearsal in which nothing failed shows nothing of this database; "" if it does."""
    if kind(record.server) != kind(database.server):
        return (
            f"is on {database.server} and was rehearsed on {record.server}, which is another kind"
        )
    if record.unlike:
        return f"was rehearsed on another kind of database: {'; '.join(record.unlike)}"
    for side in sorted(at_work):
        if side not in exercise.tables:
            return f"was rehearsed without the {side} release"
        if exercise.tables[side] < len(tables.ALWAYS):
            return (
                f"was rehearsed with {exercise.tables[side]} tables of the {side} release, which "
                f"has {len(tables.ALWAYS)} or more"
            )
    return ""


def _at_work(gate: Judgement) -> set[SideName]:
    """The releases that will work on the new schema; the plan may have named others since."""
    return {"target"} if gate.mode == "cold" else {"current", "target"}


def _judge(record: Rehearsal, exercise: Exercise, gate: Judgement) -> None:
    window, migrated = gate.plan.window, record.migrated
    if window is not None and migrated and migrated.seconds > window.total_seconds():
        gate.block(
            "window",
            f"is {duration(window.total_seconds())}; db_sync took {duration(migrated.seconds)}",
            hint="Purge deleted stacks first, or plan a longer window.",
        )
    for phrase in record.differs:
        gate.note("scratch server", phrase)
    at_work = _at_work(gate)
    for found in record.differences:
        if found.side not in at_work:
            continue
        each = found.difference
        gate.block(
            each.object,
            meaning(each, found.side),
            hint=_UNFIT,
            data={"side": found.side, "kind": each.kind},
        )
    for failure in exercise.failures:
        if failure.release in at_work:
            _judge_failure(failure, gate)
    for done in record.changes:
        gate.note("the migration", done)


def _judge_failure(failure: Failure, gate: Judgement) -> None:
    """A release that could not work with a table's rows."""
    say, hint = gate.block, _UNFIT
    if failure.operation == "read":
        hint = "Find the row in the live database; it is damaged, or that release cannot read it."
    elif failure.operation == "delete" and failure.unknown_foreign_key:
        say, hint = gate.warn, restraint(failure.table, failure.release)
    say(f"table {failure.table}", failure.summary, hint=hint, data=asdict(failure))
