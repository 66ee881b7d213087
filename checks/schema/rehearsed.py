from dataclasses import asdict

from heat_upgrade_checks.evidence.backup.newest import Backups
from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.gates.last_rehearsal import LastRehearsal
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.records.rehearsal import Exercise, Failure, Rehearsal
from heat_upgrade_checks.schema.meaning import meaning, restraint
from heat_upgrade_checks.wording import duration

_REHEARSE = "Rehearse it; nothing of the live database is touched."


_COMMAND = (["heat-upgrade-check", "rehearse"],)


_UNFIT = "Do not upgrade this database with this target; report it to Heat's developers."


@check("schema.rehearsed", phases=["pre"], guide="prerequisites")
def check_the_migration_was_rehearsed(
    rehearsal: LastRehearsal, backups: Backups, target_release: Release, gate: Judgement
) -> None:
    """The target's db_sync succeeded on this backup, and the releases worked on what it left."""
    gate.looked_at(f"{rehearsal.extent}; {target_release.extent}")
    record = rehearsal.record
    database = f"database {backups.database}"
    if record is None:
        gate.not_done(
            database, "was not migrated in a rehearsal", hint=_REHEARSE, commands=_COMMAND
        )
    elif record.target_version != target_release.version:
        gate.not_done(
            database,
            f"was migrated to {record.target_version} in the rehearsal, and the target is "
            f"{target_release.version}",
            hint=_REHEARSE,
            commands=_COMMAND,
        )
    elif backups.newest is None or record.backup.sha256 != backups.newest.sha256:
        gate.not_done(
            database,
            f"was rehearsed with {record.backup.path}, which is not the newest backup",
            hint=_REHEARSE,
            commands=_COMMAND,
        )
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
    elif gate.mode == "rolling" and "current" not in record.exercise.tables:
        gate.not_done(
            database, "was rehearsed without the current release", hint=_REHEARSE, commands=_COMMAND
        )
    else:
        _judge(record, record.exercise, gate)


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
    # The plan may have said rolling when this was rehearsed.
    at_work = {"target"} if gate.mode == "cold" else {"current", "target"}
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
