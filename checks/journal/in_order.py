"""Were the gates before this one run, did they open, and are they still what they were?"""

from heat_upgrade_checks.evidence.gates.earlier_gates import EarlierGates
from heat_upgrade_checks.gates import sequence
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check


@check(
    "journal.in-order",
    phases=["stopped", "installed", "synced", "vhost", "engine", "last-engine", "post"],
    guide="every step",
)
def check_the_gates_before_are_open(earlier_gates: EarlierGates, gate: Judgement) -> None:
    """Every gate before this one is there, open, recent and of this upgrade."""
    gate.looked_at(f"{earlier_gates.extent}, with their digests")
    for refusal in sequence.refusals(
        earlier_gates.gates,
        gate.phase,
        earlier_gates.identity,
        gate.now,
        gate.plan.journal.max_age,
    ):
        gate.block(
            f"gate {refusal.phase}",
            refusal.sentence,
            hint="Run it now if its question can still be asked, with the same --reports; "
            "otherwise somebody must answer for it with a waiver.",
            commands=[["heat-upgrade-check", "--phase", refusal.phase]],
        )
    for folder, problems in earlier_gates.damage.items():
        gate.block(
            f"gate {folder}",
            "; ".join(problems),
            hint="Bring the folder back as it was written, or run that phase again.",
            commands=[["heat-upgrade-check", "verify"]],
        )
    if not earlier_gates.identity.environment:
        gate.cannot_tell(
            "where Heat's database is, is not known, so neither is whether the gates before were "
            "run for it; correct [database] connection or database.url"
        )
    if gate.phase == "last-engine":
        for shut in sequence.left_shut(earlier_gates.gates):
            gate.warn(
                f"gate engine of {shut.host}",
                f"{shut.folder} ended with {shut.verdict}, and none opened since",
                hint="Make sure that this host was not taken away, or that nothing was lost.",
            )
    if earlier_gates.gates:
        _note_changes(earlier_gates, gate)


def _note_changes(earlier_gates: EarlierGates, gate: Judgement) -> None:
    """What was edited since the gate before; each gate is judged by what it finds."""
    last = earlier_gates.gates[-1]
    for name, before, now in (
        ("plan", last.digests.plan, gate.question.digests.plan),
        ("waivers", last.digests.waivers, gate.question.digests.waivers),
        ("acknowledgements", last.digests.acknowledgements, gate.question.digests.acknowledgements),
    ):
        if before != now:
            gate.note(name, f"changed since {last.folder}")
