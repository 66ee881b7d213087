"""Resource types that the target release drops, and the live stacks that use them."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.code.interpreter import SERVICES
from heat_upgrade_checks.evidence.database.heat_tables import RESOURCE
from heat_upgrade_checks.evidence.database.session import ask_in_session, portions
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.evidence.stacks.stored_stacks import STACKS_AT_ONCE
from heat_upgrade_checks.evidence.stacks.templates_in_use import naming
from heat_upgrade_checks.heat import templates
from heat_upgrade_checks.phases import SideName

_SIDES: tuple[SideName, SideName] = ("current", "target")
_PLACEHOLDER = "placeholder"
_USES_KEPT = 1000

Fate = Literal["gone", "placeholder"]


@dataclass(frozen=True)
class Use:
    """One resource of a live stack or its snapshot; nested, hidden and backup ones count."""

    stack_id: str
    stack: str
    project: str
    resource: str


@dataclass(frozen=True)
class LostType:
    """A type that the current release offers and the target does not, or does nothing for.

    `used` counts its resources in live stacks, of which `uses` holds the first 1000; `switched_off`
    and `off` are the same of those that their condition keeps from existing.
    """

    name: str
    fate: Fate
    used: int
    uses: tuple[Use, ...]
    switched_off: int = 0
    off: tuple[Use, ...] = ()


@dataclass(frozen=True)
class ResourceTypes(Facts):
    """The types of both releases, as each loads them with its own configuration.

    `missing` are the keys without which the plan does not let both releases be asked; nothing else
    is known then. `read` counts the templates of live stacks that were read for a lost type.
    """

    missing: tuple[str, ...]
    current: int
    target: int
    lost: tuple[LostType, ...]
    read: int

    @property
    def incomplete(self) -> tuple[str, ...]:
        """What is said where a release could not be asked."""
        if not self.missing:
            return ()
        return (
            "the types of both releases cannot be compared; add "
            f"{' and '.join(self.missing)} to the plan",
        )

    @property
    def extent(self) -> str:
        """What was read."""
        if self.missing:
            return f"nothing: the plan lacks {' and '.join(self.missing)}"
        names = ", ".join(each.name for each in self.lost) or "none is lost"
        return (
            f"{self.current} resource types of the current and {self.target} of the target "
            f"release, as their own code loads them ({names}); {self.read} templates of live "
            "stacks and their snapshots that may use a lost one"
        )


def observe(site: Site) -> ResourceTypes:
    """Which types are lost with the target release, and who uses them."""
    missing = tuple(
        f"{side}.{key}"
        for side in _SIDES
        for key, given in (
            ("python", site.plan.side(side).python),
            ("config", site.plan.side(side).is_configured),
        )
        if not given
    )
    if missing:
        return ResourceTypes(missing, 0, 0, (), 0)
    with ThreadPoolExecutor(len(_SIDES)) as pool:
        current, target = pool.map(lambda side: _types(site, side), _SIDES)
    lost = dict(_lost(current, target))
    if not lost:
        return ResourceTypes((), len(current), len(target), (), 0)
    on, off, read = ask_in_session(site, lambda session: _uses(session, current, lost))
    described = tuple(
        LostType(
            name,
            lost[name],
            on.count[name],
            tuple(on.first[name]),
            off.count[name],
            tuple(off.first[name]),
        )
        for name in sorted(lost)
    )
    return ResourceTypes((), len(current), len(target), described, read)


@dataclass(frozen=True)
class LoadedTypes:
    """Each name that a release offers, with what stands for it, and what it met while loading."""

    types: dict[str, str]
    problems: tuple[str, ...]


def load(site: Site, side: SideName) -> LoadedTypes:
    """The `types` of a release, and the `problems` that Heat met when it loaded them.

    :raises Unobserved: the release or its configuration cannot be asked.
    """
    plan = site.plan.side(side)
    site.conf(side)  # says better than Heat would what is wrong with it
    arguments = [f"--config-file={path}" for path in plan.config]
    arguments += [f"--config-dir={path}" for path in plan.config_dirs]
    return site.interpreter(side).ask(
        LoadedTypes, "resource_types.py", *arguments, imports=SERVICES
    )


def _types(site: Site, side: SideName) -> dict[str, str]:
    """Each name that a release offers, with its support status or that it is a placeholder."""
    plan = site.plan.side(side)
    answer = load(site, side)
    if answer.problems:
        raise Unobserved(
            f"Heat at {plan.python} cannot load its resource types: "
            f"{', '.join(answer.problems)}; correct this, plugin_dirs or environment_dir in "
            f"the {side} release's configuration, for its engine needs them too"
        )
    if not answer.types:
        raise site.interpreter(side).left_out("its resource types")
    return answer.types


def _lost(current: Mapping[str, str], target: Mapping[str, str]) -> Iterator[tuple[str, Fate]]:
    for name, state in current.items():
        if state != _PLACEHOLDER and target.get(name, _PLACEHOLDER) == _PLACEHOLDER:
            yield name, "placeholder" if name in target else "gone"


class _Users:
    """How many resources there are of each lost type, and the first of them."""

    def __init__(self) -> None:
        self.count: dict[str, int] = defaultdict(int)
        self.first: dict[str, list[Use]] = defaultdict(list)

    def add(self, type: str, use: Use) -> None:
        self.count[type] += 1
        if len(self.first[type]) < _USES_KEPT:
            self.first[type].append(use)


def _uses(
    connection: sa.Connection, current: Mapping[str, str], lost: Mapping[str, Fate]
) -> tuple[_Users, _Users, int]:
    """The resources that exist, those that are switched off, and how many stacks were read."""
    on, off = _Users(), _Users()
    in_question: list[tuple[str, Use]] = []
    read = 0
    for document in naming(connection, [name.rstrip("*") for name in lost]):
        read += 1
        try:
            template, environment = document.parsed()
        except ValueError:
            raise Unobserved(
                f"stack {document.stack} ({document.stack_id}): its row in {document.table} holds "
                "no JSON, but may name a resource type that the target release drops; repair the "
                "row or delete the stack"
            ) from None
        for name, definition in templates.definitions(template).items():
            if not document.stands_for(name):
                continue
            resolved = templates.resolve(
                definition.type, name, environment, lambda each: _entry(each, current) is not None
            )
            entry = _entry(resolved, lost)
            if entry is None:
                continue
            shown = f"{name} in snapshot {document.snapshot}" if document.snapshot else name
            use = Use(document.stack_id, document.stack, document.project, shown)
            # What a stack at work or one that failed lacks may still come.
            if definition.is_conditional and document.tells_all:
                in_question.append((entry, use))
            else:
                on.add(entry, use)
    stored = _stored(connection, {(use.stack_id, use.resource) for _, use in in_question})
    for entry, use in in_question:
        (on if (use.stack_id, use.resource) in stored else off).add(entry, use)
    return on, off, read


def _stored(connection: sa.Connection, wanted: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of these resources, by stack and name, that have a row: Heat makes one for each."""
    of = RESOURCE.c
    query = sa.select(of.stack_id, of.name)
    found: set[tuple[str, str]] = set()
    for stacks in portions(sorted({stack for stack, _ in wanted}), STACKS_AT_ONCE):
        chosen = query.where(of.stack_id.in_(stacks))
        found.update((stack, name) for stack, name in connection.execute(chosen))
    return found


def _entry(resource_type: str, types: Mapping[str, object]) -> str | None:
    """The name under which a release knows this type: its own, or a wildcard that covers it."""
    if resource_type in types:
        return resource_type
    wildcards = (name for name in types if name.endswith("*"))
    return next((name for name in wildcards if resource_type.startswith(name[:-1])), None)
