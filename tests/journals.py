"""The gates that a test's own gate follows, as open ones would have left them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from heat_upgrade_checks import plan as plans
from heat_upgrade_checks.evidence.gates.earlier_gates import whole_gates
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.files.whole_file import put
from heat_upgrade_checks.gates import recording, sequence
from heat_upgrade_checks.gates.question import digests_of
from heat_upgrade_checks.phases import PHASES
from heat_upgrade_checks.records import baseline as baseline_file
from heat_upgrade_checks.records import gate as documents
from heat_upgrade_checks.records import journal
from heat_upgrade_checks.records.findings import CheckResult, Outcome, Verdict
from heat_upgrade_checks.records.gate import SCHEMA_VERSION, Gate, ReleaseName, Tool, Upgrade

PASSED = CheckResult("release.path", "release", "", "", Outcome.PASSED, "", 0.0, "", ())


def open_gate(
    phase: str, plan_file: Path, reports: Path, host: str = "", **changes: object
) -> Path:
    """Leave a gate that opened; its folder. `changes` replace fields of the document."""
    plan, digest = plans.load(plan_file)
    folder = reports / plan.name
    moment = datetime.now(UTC)
    fields: dict[str, object] = {
        "schema": SCHEMA_VERSION,
        "tool": Tool("heat-upgrade-checks", "0"),
        "upgrade": Upgrade(plan.name, plan.mode, ReleaseName("", ""), ReleaseName("", "")),
        "phase": phase,
        "host": host,
        "partial": False,
        "verdict": Verdict.GO,
        "exit_code": 0,
        "started_at": moment,
        "finished_at": moment,
        "seconds": 0.0,
        "checks": (PASSED,),
        "evidence": (),
        "drain": (),
        "previous": journal.previous(folder),
        "digests": digests_of(Site(plan, folder), digest),
    }
    document = Gate(**(fields | changes))  # type: ignore[arg-type]
    name = "-".join(filter(None, (phase, host)))
    with journal.new_folder(folder, name) as unfinished:
        put(unfinished / "gate.json", documents.dump(document))
        for path in _baseline(folder) if phase == "pre" else ():
            put(unfinished / path.name, path.read_bytes())
        return journal.publish(unfinished, name)


def _baseline(folder: Path) -> list[Path]:
    """What the last gate stored for phase post, and what shows that it did."""
    stored = sorted(folder.glob(f"*-pre/{baseline_file.FILE}"))
    return [stored[-1], stored[-1].with_name(recording.FILE)] if stored else []


def open_gates_before(phase: str, plan_file: Path, reports: Path) -> None:
    """Leave what of the upgrade's order is still missing before a gate of this phase."""
    plan, _ = plans.load(plan_file)
    if plan.mode not in PHASES[phase].modes:
        return
    gates = whole_gates(journal.entries(reports / plan.name))
    identity = gates[-1].identity if gates else None
    names = sequence.required(phase, plan.mode)
    if identity is not None:
        refused = {
            each.phase
            for each in sequence.refusals(
                gates, phase, identity, datetime.now(UTC), timedelta(hours=24)
            )
        }
        first = next((n for n, name in enumerate(names) if name in refused), len(names))
        names = names[first:]
    for name in names:
        open_gate(name, plan_file, reports)
