"""A position and its next step, as text and in the keys of the JSON object."""

import shlex
from collections.abc import Iterable, Iterator
from typing import Any

from heat_upgrade_checks.gates.own_commands import PROGRAM, CalledWith
from heat_upgrade_checks.reading.work import State, Work
from heat_upgrade_checks.where.next_step import Step
from heat_upgrade_checks.where.position import (
    ApiProcess,
    EngineGroup,
    Position,
    ReleaseSide,
    Section,
)
from heat_upgrade_checks.where.rules import Kind
from heat_upgrade_checks.where.schema import At
from heat_upgrade_checks.wording import counted

_MOST_LISTED = 20
_SCHEMA_WORDS = {
    At.CURRENT: "at the head of {old}",
    At.TARGET: "at the head of {new}",
    At.BOTH: "at the head of {old} and of {new}, which is the same",
    At.HALF_WAY: "half-way between {old} and {new}",
    At.UNKNOWN: "not known",
}


def document(found: Position, step: Step, called_with: CalledWith) -> dict[str, Any]:
    """The answer in the keys that docs/where.md explains; None stands for what is not known."""

    def seen(section: Section, value: object) -> object:
        return None if section in found.unseen else value

    known = step.kind is not Kind.UNKNOWN
    return {
        "position": step.point,
        "current": _side(found.current),
        "target": {**_side(found.target), "absent": list(found.absent)},
        "engines": seen("engines", [_engine(group) for group in found.engines]),
        "apis": seen("apis", [_api(api) for api in found.apis]),
        "unknown_clients": seen("apis", [str(client) for client in found.others]),
        "database": {
            "at": found.schema.at.value,
            "revisions": list(found.schema.revisions),
            "why": found.schema.why,
        },
        "old_vhost": {
            "messages": found.messages,
            "messages_to_dead_engines": seen("messages", found.orphaned),
        },
        "in_flight": seen("work", [_stack(work, found) for work in found.work]),
        "next": {
            "repair": step.kind is Kind.REPAIR,
            "step": step.sentence,
            "gates": [list(gate) for gate in _calls(step, called_with)],
        }
        if known
        else None,
        "must_not": list(step.must_not),
        "unknown": [] if known else list(found.unknown or (step.sentence,)),
        "exit_code": step.kind.value,
    }


def _side(side: ReleaseSide) -> dict[str, Any]:
    return {
        "version": side.version or None,
        "series": side.series or None,
        "vhost": side.vhost or None,
        "vhost_exists": side.vhost_exists,
    }


def _engine(group: EngineGroup) -> dict[str, Any]:
    return {
        "host": group.host,
        "release": group.release,
        "vhosts": list(group.vhosts),
        "workers": len(group.engine_ids),
        "engine_ids": list(group.engine_ids),
        "holds": list(group.holds),
    }


def _api(api: ApiProcess) -> dict[str, Any]:
    return {
        "program": api.client.program,
        "pid": api.client.pid,
        "host": api.client.peer_host,
        "release": api.release,
        "vhost": api.vhost,
        "connections": api.client.connections,
        "consumers": len(api.client.reads),
    }


def _stack(work: Work, found: Position) -> dict[str, Any]:
    stack = work.stack
    return {
        "id": stack.id,
        "name": stack.name,
        "project": stack.project,
        "action": stack.action,
        "status": stack.status,
        "legacy": not stack.convergence,
        "locked": bool(stack.lock),
        "state": work.state.name.lower().replace("_", "-"),
        "old_side": work in found.old_work,
        "who": work.who,
    }


def _calls(step: Step, called_with: CalledWith) -> Iterator[tuple[str, ...]]:
    for gate in step.gates:
        yield called_with.complete((PROGRAM, *gate))


# --- text


def text(found: Position, step: Step, called_with: CalledWith) -> Iterator[str]:
    """The same for a reader, the next step last."""
    names = {"old": found.current.name, "new": found.target.name}
    yield f"  {names['old']} -> {names['new']}: {step.point}"
    yield from _section("Engines", "engines", found, _engine_lines(found))
    yield from _section("APIs", "apis", found, _api_lines(found))
    yield from _section("Old vhost", "messages", found, _drain_lines(found))
    yield from _section("In flight", "work", found, _work_lines(found))
    yield "Schema"
    yield f"  {_SCHEMA_WORDS[found.schema.at].format_map(names)}" + _in_brackets(found)
    yield ""
    if step.kind is Kind.UNKNOWN:
        yield "Cannot tell, so no step is safe:"
        for sentence in found.unknown or (step.sentence,):
            yield f"  {sentence}"
        return
    yield "Repair first:" if step.kind is Kind.REPAIR else "Next:"
    yield f"  {step.sentence}."
    if step.gates:
        yield "Gates that must open before:"
        yield from (f"  $ {shlex.join(call)}" for call in _calls(step, called_with))
    if step.must_not:
        yield "Not now:"
        yield from (f"  {sentence}" for sentence in step.must_not)


def _section(title: str, section: Section, found: Position, lines: Iterable[str]) -> Iterator[str]:
    yield title
    if section in found.unseen:
        yield "  not known"
        return
    listed = list(lines) or ["none"]
    yield from (f"  {line}" for line in listed[:_MOST_LISTED])
    if len(listed) > _MOST_LISTED:
        yield f"  and {len(listed) - _MOST_LISTED} more; --json lists all"


def _name(release: str | None, found: Position) -> str:
    names = {"current": found.current.name, "target": found.target.name}
    return names.get(release or "", "unknown release")


def _engine_lines(found: Position) -> Iterator[str]:
    for group in found.engines:
        workers = counted(len(group.engine_ids), "worker")
        holds = f"holds {', '.join(group.holds)}" if group.holds else "holds nothing"
        vhosts = ", ".join(group.vhosts)
        yield f"{group.host}: {_name(group.release, found)} on {vhosts}, {workers}, {holds}"


def _api_lines(found: Position) -> Iterator[str]:
    for api in found.apis:
        client = api.client
        yield (
            f"{client}: {_name(api.release, found)} on {api.vhost}, "
            f"{counted(client.connections, 'connection')}, {counted(len(client.reads), 'consumer')}"
        )
    for client in found.others:
        yield f"{client}: not known as Heat's, {counted(client.connections, 'connection')}"
    if not found.apis:
        yield "none that has asked an engine anything"


def _drain_lines(found: Position) -> Iterator[str]:
    if found.current.vhost_exists is False:
        yield f"{found.current.vhost}: does not exist"
        return
    orphaned = f", {found.orphaned} more for engines that are gone" if found.orphaned else ""
    yield f"{found.current.vhost}: {counted(found.messages or 0, 'message')} for engines{orphaned}"


def _work_lines(found: Position) -> Iterator[str]:
    for work in found.work:
        if work.state is not State.AT_REST:
            yield f"stack {work.stack.name} ({work.stack.id}), project {work.stack.project}: {work}"


def _in_brackets(found: Position) -> str:
    revisions = ", ".join(found.schema.revisions) or "no revision"
    return f" ({revisions})" + (f": {found.schema.why}" if found.schema.why else "")
