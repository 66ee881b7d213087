"""`evidence.json`: what a gate was asked and what its sources answered, to be judged again."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, TypeAdapter

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.evidence.gather import Observation
from heat_upgrade_checks.evidence.sources import SOURCES
from heat_upgrade_checks.gates.own_commands import CalledWith
from heat_upgrade_checks.gates.question import Question
from heat_upgrade_checks.gates.run import GateRun
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.records.gate import Digests, DrainSample, Previous
from heat_upgrade_checks.records.waivers import Waiver

SCHEMA_VERSION = "3"
FILE = "evidence.json"

_DRAIN = TypeAdapter(tuple[DrainSample, ...])
_CALLED_WITH = TypeAdapter(CalledWith)
_MOMENTS = TypeAdapter(dict[str, AwareDatetime])


def dump(run: GateRun, finished_at: datetime) -> str:
    """The recording of a run that came to its end then, without any secret."""
    question, secrets = run.question, run.site.secrets
    plan = question.plan.model_dump(mode="json")
    document = {
        "schema": SCHEMA_VERSION,
        "phase": question.phase,
        "host": secrets.redact(question.host),
        "only": question.only,
        "started_at": question.started_at.isoformat(),
        "finished_at": finished_at.isoformat(),
        "judged_at": {id: at.isoformat() for id, at in run.judged_at.items()},
        "previous": asdict(run.previous) if run.previous else None,
        "digests": asdict(question.digests),
        "called_with": {
            name: secrets.redact(str(path)) for name, path in asdict(question.called_with).items()
        },
        "waivers": [
            secrets.redact_within(waiver.model_dump(mode="json")) for waiver in question.waivers
        ],
        # The name is in every path of the reports; with a part of it replaced it would be none.
        "plan": secrets.redact_within(plan) | {"name": plan["name"]},
        "drain": _DRAIN.dump_python(tuple(run.drain), mode="json"),
        "observations": {
            name: secrets.redact_within(_dump_observation(observation))
            for name, observation in run.gatherer.observations().items()
        },
    }
    return json.dumps(document, indent=1) + "\n"


def _dump_observation(observation: Observation) -> dict[str, Any]:
    facts = None
    if observation.facts is not None:
        adapter = TypeAdapter(type(observation.facts))
        facts = adapter.dump_python(observation.facts, mode="json")
    return {
        "observed_at": observation.observed_at.isoformat(),
        "seconds": observation.seconds,
        "attempts": observation.attempts,
        "summary": observation.summary,
        "error": observation.error,
        "configured": observation.configured,
        "facts": facts,
    }


@dataclass(frozen=True)
class Recording:
    """What a gate was asked, until when, and what it was answered, read back.

    `judged_at` is when each check judged, by its id.
    """

    question: Question
    finished_at: datetime
    judged_at: dict[str, datetime]
    observations: dict[str, Observation]
    drain: tuple[DrainSample, ...]
    previous: Previous | None


def load(folder: Path) -> Recording:
    """Read a gate's recording back.

    :raises UsageError: the folder holds none, or one of another version.
    """
    path = folder / FILE
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"--replay {folder}: {path.name}: {error.strerror}; name a gate's folder"
        ) from None
    except ValueError:
        raise UsageError(f"--replay {folder}: {path.name} is not readable as JSON") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA_VERSION:
        raise UsageError(
            f"--replay {folder}: {path.name} is no recording of version {SCHEMA_VERSION}"
        )
    try:
        question = Question(
            plan=Plan.model_validate(document["plan"]),
            phase=document["phase"],
            host=document["host"],
            only=tuple(document["only"]),
            started_at=datetime.fromisoformat(document["started_at"]),
            waivers=tuple(map(Waiver.model_validate, document["waivers"])),
            digests=Digests(**document["digests"]),
            called_with=_CALLED_WITH.validate_python(document["called_with"]),
        )
        finished_at = datetime.fromisoformat(document["finished_at"])
        judged_at = _MOMENTS.validate_python(document["judged_at"])
        observations = {
            name: _load_observation(name, recorded)
            for name, recorded in document["observations"].items()
        }
        drain = _DRAIN.validate_python(document["drain"])
        previous = Previous(**document["previous"]) if document["previous"] else None
    except (KeyError, TypeError, ValueError):
        raise UsageError(
            f"--replay {folder}: {path.name} was damaged, or written by another version"
        ) from None
    return Recording(question, finished_at, judged_at, observations, drain, previous)


def _load_observation(name: str, recorded: dict[str, Any]) -> Observation:
    facts = recorded["facts"]
    if facts is not None:
        facts = TypeAdapter(SOURCES[name].facts).validate_python(facts, strict=False)
    return Observation(
        source=name,
        observed_at=datetime.fromisoformat(recorded["observed_at"]),
        seconds=recorded["seconds"],
        attempts=recorded["attempts"],
        summary=recorded["summary"],
        error=recorded["error"],
        configured=recorded["configured"],
        facts=facts,
    )
