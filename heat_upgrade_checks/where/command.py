"""How far an upgrade has come, and the next safe step, as text or as one JSON object."""

import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from heat_upgrade_checks.evidence.gather import Gatherer
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates.own_commands import CalledWith
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.where.derivation import Evidence, position
from heat_upgrade_checks.where.next_step import next_step
from heat_upgrade_checks.where.telling import document, text
from heat_upgrade_checks.wording import plain

SCHEMA_VERSION = "1"

_SOURCES = sorted({each.name for each in fields(Evidence)} - {"unobserved", "absent"})


@dataclass(frozen=True)
class Answer:
    """What `where` says, and the exit code that says the same."""

    text: str
    exit_code: int


def run(plan: Plan, called_with: CalledWith, *, as_json: bool) -> Answer:
    """Ask every source that the position rests on, all at once, and say where the upgrade stands.

    The calls of this tool that are printed say what this one was `called_with`.
    """
    asked_at = datetime.now(UTC)
    there, absent = _what_is_there(plan)
    # Of the folder of reports nothing is read: what was done is seen, not remembered.
    site = Site(there, Path())
    gatherer = Gatherer(site)
    gatherer.start(_SOURCES)
    observations = gatherer.observations()
    found = position(
        there,
        Evidence(
            **{name: each.facts for name, each in observations.items()},
            unobserved={name: each.error for name, each in observations.items() if each.error},
            absent=absent,
        ),
    )
    step = next_step(found)
    if not as_json:
        lines = (f"{plan.name}, a {plan.mode} upgrade", *text(found, step, called_with))
        return Answer(
            "\n".join(plain(site.secrets.redact(line)) for line in lines), step.kind.value
        )
    told = {
        "schema": SCHEMA_VERSION,
        "asked_at": asked_at.isoformat(),
        "upgrade": {"name": plan.name, "mode": plan.mode, "isolation": plan.broker.isolation},
        **document(found, step, called_with),
        "evidence": [
            {"source": each.source, "summary": each.summary, "error": each.error}
            for each in observations.values()
        ],
    }
    return Answer(json.dumps(site.secrets.redact_within(told), indent=2), step.kind.value)


def _what_is_there(plan: Plan) -> tuple[Plan, tuple[str, ...]]:
    """The plan without what it names of the target in vain, and what is missing of the target."""
    target, absent = plan.target, []
    kept: dict[str, Any] = {}
    if target.python is None:
        absent.append("target.python is not in the plan")
    # Behind a prefix it is not in this file system.
    elif not target.prefix and _is_missing(target.python):
        absent.append(f"{target.python} is not there")
        kept |= {"python": None}
    if not target.is_configured:
        absent.append("target.config is not in the plan")
    elif missing := [path for path in (*target.config, *target.config_dirs) if _is_missing(path)]:
        absent += [f"{path} is not there" for path in missing]
        kept |= {"config": (), "config_dirs": ()}
    return plan.model_copy(update={"target": target.model_copy(update=kept)}), tuple(absent)


def _is_missing(path: Path) -> bool:
    try:
        return not path.exists()
    except OSError:
        # It may be there; the source that reads it says what is wrong.
        return False
