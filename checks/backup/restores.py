from heat_upgrade_checks.evidence.backup.newest import Backups
from heat_upgrade_checks.evidence.gates.last_rehearsal import LastRehearsal
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.wording import counted, duration

_REHEARSE = "Rehearse it; nothing of the live database is touched."


_COMMAND = (["heat-upgrade-check", "rehearse"],)


@check("backup.restores", phases=["pre"], guide="prerequisites")
def check_the_backup_was_restored(
    rehearsal: LastRehearsal, backups: Backups, gate: Judgement
) -> None:
    """A rehearsal restored exactly this backup."""
    gate.looked_at(f"{rehearsal.extent}; {backups.extent}")
    backup, record = backups.newest, rehearsal.record
    if backup is None:
        gate.not_applicable("there is no backup; see backup.exists")
    elif record is None:
        gate.not_done(backup.path, "was never restored", hint=_REHEARSE, commands=_COMMAND)
    elif record.backup.sha256 != backup.sha256:
        gate.not_done(
            backup.path,
            f"is not what was restored last, {record.backup.path}",
            hint=_REHEARSE,
            commands=_COMMAND,
        )
    elif record.failure is not None and record.failure.step == "restore":
        gate.block(
            backup.path,
            record.failure.sentence,
            hint="Make another backup and rehearse it.",
            commands=_COMMAND,
        )
    elif record.restored is not None:
        rows = record.restored.rows
        gate.note(
            backup.path,
            f"was restored in {duration(record.restored.seconds)}: {sum(rows.values())} rows in "
            f"{counted(len(rows), 'table')}, revision {record.restored.revision or 'none'}",
        )
    else:
        gate.cannot_tell(f"{rehearsal.extent} does not say what was restored; rehearse again")
