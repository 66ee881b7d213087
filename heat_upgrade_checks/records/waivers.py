"""Waivers: somebody answers, for a while, for going on in spite of what a check found.

A waived check is judged like any other, and what it found is shown first. Only blockers are waived;
what could not be observed is only where the waiver says `accept_unknown: true`.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.files import yaml_documents
from heat_upgrade_checks.records.findings import AppliedWaiver, CheckResult, Level, Outcome

_NEVER = "a waiver ends some day; give a day that is less far away"


def _moment(value: Any) -> Any:
    """A day lasts to its end, in UTC."""
    if isinstance(value, date) and not isinstance(value, datetime):
        if value == date.max:
            raise ValueError(_NEVER)
        return datetime.combine(value + timedelta(days=1), time(), UTC)
    return value


def _some_day(value: datetime) -> datetime:
    try:
        value.astimezone(UTC)
    except OverflowError:
        raise ValueError(_NEVER) from None
    return value


Words = Annotated[str, Field(pattern=r"\S")]


class Waiver(BaseModel):
    """One entry of the plan's file of waivers.

    `id` is a check's. `object` is the object of its findings, or a pattern with `*` and `?`.
    `expires` is a day (to its end, UTC) or a moment with its time zone. With `accept_unknown`
    the waiver also covers what the check could not observe, which belongs to no object.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Words
    object: Words
    reason: Words
    owner: Words
    ticket: Words
    expires: Annotated[AwareDatetime, BeforeValidator(_moment), AfterValidator(_some_day)]
    accept_unknown: bool = False

    def covers(self, obj: str) -> bool:
        """Whether this is a finding's object that the waiver speaks of."""
        # The name itself counts too: it may hold a bracket, which means more in a pattern.
        return obj == self.object or fnmatchcase(obj, self.object)

    def __str__(self) -> str:
        return f"the waiver of {self.owner} for {self.id} ({self.object}, {self.ticket})"


_FILE = TypeAdapter(tuple[Waiver, ...])


def load(path: Path) -> tuple[Waiver, ...]:
    """The waivers of a file.

    :raises UsageError: it cannot be read, or an entry lacks something; the sentence names it.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"waivers {path}: {error.strerror}; correct waivers in the plan") from None
    document = yaml_documents.parse(content, f"waivers {path}")
    try:
        return _FILE.validate_python(document or [])
    except ValidationError as error:
        raise UsageError(f"waivers {path}: {_first_problem(error)}") from None


def _first_problem(error: ValidationError) -> str:
    detail = error.errors(include_input=False, include_url=False)[0]
    if not detail["loc"]:
        return "must be a list of entries with id, object, reason, owner, ticket and expires"
    number, *keys = detail["loc"]
    entry = f"entry {int(number) + 1}"
    if not keys:
        return f"{entry}: must be a mapping of id, object, reason, owner, ticket and expires"
    where = f"{entry}, {keys[0]}"
    match detail["type"]:
        case "missing":
            return f"{where}: is missing"
        case "extra_forbidden":
            return f"{where}: unknown key"
        case "string_pattern_mismatch":
            return f"{where}: is empty"
        case "timezone_aware":
            return f"{where}: give the time zone, such as 2026-11-30T06:00Z"
        case _:
            return f"{where}: {detail['msg'].removeprefix('Value error, ')}"


def apply(result: CheckResult, waivers: Iterable[Waiver], at: datetime) -> CheckResult:
    """The record of a check with the waivers that hold for it at that moment.

    It becomes `waived` where they cover every blocker and whatever could not be observed.
    """
    if result.outcome not in {Outcome.FAILED, Outcome.ERROR}:
        return result
    holding = [waiver for waiver in waivers if waiver.id == result.id and at < waiver.expires]
    blockers = [each.object for each in result.findings if each.level is Level.BLOCKER]
    # A failed check may also have a part that it could not tell, and that of an error may be mute.
    unknown = bool(result.reason) or result.outcome is Outcome.ERROR
    applied = tuple(
        AppliedWaiver(
            object=waiver.object,
            reason=waiver.reason,
            owner=waiver.owner,
            ticket=waiver.ticket,
            expires=waiver.expires,
            covers=covered,
            covers_unknown=unknown and waiver.accept_unknown,
        )
        for waiver in holding
        if (covered := tuple(obj for obj in blockers if waiver.covers(obj)))
        or (unknown and waiver.accept_unknown)
    )
    if not applied:
        return result
    if not {obj for each in applied for obj in each.covers} >= set(blockers):
        outcome = Outcome.FAILED
    elif unknown and not any(each.covers_unknown for each in applied):
        outcome = Outcome.ERROR
    else:
        outcome = Outcome.WAIVED
    return replace(result, outcome=outcome, waivers=applied)
