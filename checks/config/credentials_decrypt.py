"""Can what Heat stored encrypted still be decrypted?"""

from heat_upgrade_checks.evidence.database.credentials import Credentials, Sample
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.wording import counted, some

_NAMED, _MORE = 5, ", ..."


@check("config.credentials-decrypt", phases=["pre", "installed"], guide="prerequisites, rolling 1")
def check_credentials_decrypt(credentials: Credentials, gate: Judgement) -> None:
    """Credentials that Heat stored can be decrypted."""
    gate.looked_at(
        f"{credentials.extent}; with the configuration of the {credentials.side} release"
    )
    if not credentials.rows:
        gate.note("database", "holds nothing to decrypt among these rows")
    for sample in credentials.samples:
        _judge_refused(sample, credentials, gate)
        if sample.uncertain:
            _judge_uncertain(sample, credentials, gate)


def _judge_uncertain(sample: Sample, credentials: Credentials, gate: Judgement) -> None:
    subject = f"{sample.table}.{sample.column}"
    rows = f"{counted(len(sample.uncertain), 'row')} (ids {some(sample.uncertain, _NAMED, _MORE)})"
    if credentials.side == "current":
        gate.note(
            subject,
            f"{rows} were stored by an old method, which makes something of them under any key; "
            "they are compared once both releases can be asked",
        )
    else:
        gate.cannot_tell(
            f"{rows} of {subject} were stored by an old method, which makes something of them "
            "under any key, and the current release does not make the same of them or was not "
            "asked; add current.python and current.config to the plan, or compare the keys by hand"
        )


def _judge_refused(sample: Sample, credentials: Credentials, gate: Judgement) -> None:
    before = set(sample.refused_before or ())
    subject = f"{sample.table}.{sample.column}"
    data = {"table": sample.table, "column": sample.column}
    lost = [id for id in sample.refused if id not in before]
    if lost:
        gate.block(
            subject,
            f"{len(lost)} of {counted(sample.rows, 'row')} cannot be decrypted by the "
            f"{credentials.side} release; ids {some(lost, _NAMED, _MORE)}",
            hint=f"Give the {credentials.side} release the auth_encryption_key with which they "
            "were stored, and change no key during an upgrade.",
            data=data | {"ids": lost},
        )
    if before:
        gate.warn(
            subject,
            f"{len(before)} of {counted(sample.rows, 'row')} cannot be decrypted by either "
            f"release; ids {some(sorted(before, reverse=True), _NAMED, _MORE)}",
            hint="Their key was lost before this upgrade: recreate the stacks that they belong to.",
            data=data | {"ids": sorted(before)},
        )
