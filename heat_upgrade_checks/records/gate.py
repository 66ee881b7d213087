"""The gate document: the one truth of a run, from which every report is rendered."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, TypeAdapter

from heat_upgrade_checks.records.findings import EVERY_KEY_REQUIRED, CheckResult, Verdict

SCHEMA_VERSION: Literal["1"] = "1"


@dataclass(frozen=True)
class Tool:
    """The program that judged."""

    name: str
    version: str


@dataclass(frozen=True)
class ReleaseName:
    """A Heat release as the gate saw it; empty strings where it could not be observed."""

    version: str
    series: str


@dataclass(frozen=True)
class Upgrade:
    """Which upgrade the gate belongs to."""

    name: str
    mode: Literal["rolling", "cold"]
    current: ReleaseName
    target: ReleaseName


@dataclass(frozen=True)
class EvidenceRecord:
    """What one source was asked: when (UTC), for how long (seconds), with how many attempts.

    `summary` states the extent of the answer; `error` is empty or the sentence that says why
    there is none.
    """

    source: str
    observed_at: AwareDatetime
    seconds: float
    attempts: int
    summary: str
    error: str


@dataclass(frozen=True)
class DrainSample:
    """What was left of the work at one moment of a wait; None for what the phase does not look at.

    `messages` are those in the old work queues; `stacks` and `resources` are in flight.
    """

    at: AwareDatetime
    messages: int | None
    stacks: int | None
    resources: int | None


@dataclass(frozen=True)
class Previous:
    """The gate before this one in the same upgrade; the SHA-256 is of its folder's SHA256SUMS."""

    phase: str
    sha256: str


@dataclass(frozen=True)
class Digests:
    """SHA-256 of what the judgement rests on; empty where there is no such thing.

    The first three are files. `environment` is the address of Heat's database, without its account.
    """

    plan: str
    waivers: str
    acknowledgements: str
    environment: str


NOTHING = Digests("", "", "", "")


@dataclass(frozen=True)
class Gate:
    """One run of one phase. Every key is always present in `gate.json`.

    `engine_hosts` are those whose engines reported, as Heat names them; none where the gate did not
    look at them. `interrupted` is true where somebody stopped it. `replayed_at` is when recorded
    evidence was judged again, which is no gate; the other times are those of the recorded run.
    """

    __pydantic_config__ = EVERY_KEY_REQUIRED

    schema: Literal["1"]
    tool: Tool
    upgrade: Upgrade
    phase: str
    host: str
    partial: bool
    verdict: Verdict
    exit_code: int
    started_at: AwareDatetime
    finished_at: AwareDatetime
    seconds: float
    checks: tuple[CheckResult, ...]
    evidence: tuple[EvidenceRecord, ...]
    drain: tuple[DrainSample, ...]
    previous: Previous | None
    digests: Digests
    replayed_at: AwareDatetime | None = None
    engine_hosts: tuple[str, ...] = ()
    interrupted: bool = False


_ADAPTER: TypeAdapter[Gate] = TypeAdapter(Gate)


def dump(gate: Gate) -> bytes:
    """The gate as the bytes of `gate.json`."""
    document = json.dumps(_ADAPTER.dump_python(gate, mode="json"), indent=2, ensure_ascii=False)
    # "replace": the name of a file may hold bytes that are no UTF-8.
    return document.encode("utf-8", "replace") + b"\n"


def load(path: Path) -> Gate:
    """Read a `gate.json`.

    :raises ValueError: it is not a gate document of this schema version.
    """
    return _ADAPTER.validate_json(path.read_bytes())


def json_schema() -> dict[str, object]:
    """The JSON Schema of `gate.json`; the package ships it as `report/gate.schema.json`."""
    schema = _ADAPTER.json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
