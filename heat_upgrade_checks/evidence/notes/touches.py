"""Which release notes touch this deployment: its configuration, or what its live stacks use."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping

import sqlalchemy as sa
from oslo_config import cfg

from heat_upgrade_checks.errors import Unobserved, UsageError
from heat_upgrade_checks.evidence.configuration.environment_files import variables
from heat_upgrade_checks.evidence.database.heat_tables import RAW_TEMPLATE, STACK
from heat_upgrade_checks.evidence.database.session import ask_in_session
from heat_upgrade_checks.evidence.notes.facts import Note
from heat_upgrade_checks.evidence.notes.mentions import Option, options_of, types_of
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.heat import templates
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.plan import Side

_SIDES: tuple[SideName, SideName] = ("current", "target")
# Templates are large: few of them are in memory at a time.
_ROWS_AT_ONCE = 20


def find(site: Site, notes: Collection[Note]) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Why each note that touches this deployment does, by its name, and what could not be told.

    Nothing is raised: the notes are to be read, whether or not this can be told of them.
    """
    reasons: dict[str, list[str]] = defaultdict(list)
    incomplete = []
    given: dict[Option, str] = {}
    for side in _SIDES:
        # A target that is not installed yet has no configuration; the current release must.
        if side == "current" or site.plan.side(side).is_configured:
            try:
                given = {**_set_options(site, side), **given}
            except (Unobserved, UsageError) as error:
                incomplete.append(
                    f"which notes speak of an option of the {side} release's configuration could "
                    f"not be told: {error}"
                )
    for note in notes:
        for group, option in options_of(note, given):
            reasons[note.name].append(f"[{group}] {option} is set in {given[group, option]}")
    types = {note.name: types_of(note) for note in notes}
    wanted = frozenset[str]().union(*types.values())
    used: Mapping[str, int] = {}
    if wanted:
        try:
            used = ask_in_session(site, lambda session: _used(session, wanted))
        except (Unobserved, UsageError) as error:
            incomplete.append(
                f"which notes speak of a resource type of live stacks could not be told: {error}"
            )
    for name, named in types.items():
        for type in sorted(named & used.keys()):
            stacks = "1 stack" if used[type] == 1 else f"{used[type]} stacks"
            reasons[name].append(f"{type} is used by {stacks}")
    return {name: tuple(each) for name, each in reasons.items()}, tuple(incomplete)


def _set_options(site: Site, side: SideName) -> dict[Option, str]:
    """Every option that a file of one release sets, with that file; of several the last.

    :raises Unobserved: the files cannot be read.
    """
    site.conf(side)  # says what is wrong with them
    try:
        return dict(_placed_options(site.plan.side(side)))
    except (cfg.ParseError, OSError, ValueError):
        raise Unobserved("a file changed while it was read; ask again") from None


def _placed_options(plan: Side) -> Iterator[tuple[Option, str]]:
    files = [*plan.config]
    files += [path for folder in plan.config_dirs for path in sorted(folder.glob("*.conf"))]
    for path in files:
        sections: dict[str, dict[str, list[str]]] = {}
        cfg.ConfigParser(str(path), sections).parse()
        for group, options in sections.items():
            for name in options:
                yield (group, name.replace("-", "_")), str(path)
    for path in plan.environment_files:
        for variable in variables(path):
            yield (variable.group, variable.option), str(path)


def _used(connection: sa.Connection, wanted: Collection[str]) -> dict[str, int]:
    """How many live stacks use each wanted type; nested, hidden and backup stacks count."""
    counts: Counter[str] = Counter()
    texts = (RAW_TEMPLATE.c.template, RAW_TEMPLATE.c.environment)
    named = [text.contains(each.rstrip("*"), autoescape=True) for each in wanted for text in texts]
    # A wildcard of the environment leads to types that it does not spell out.
    wildcard = RAW_TEMPLATE.c.environment.contains('*"', autoescape=True)
    query = (
        sa.select(STACK.c.id, STACK.c.name, *texts)
        .join_from(STACK, RAW_TEMPLATE, RAW_TEMPLATE.c.id == STACK.c.raw_template_id)
        .where(STACK.c.deleted_at.is_(None), sa.or_(wildcard, *named))
    )
    for row in connection.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}):
        try:
            types = _types(row.template, row.environment)
        except (ValueError, RecursionError):
            raise Unobserved(
                f"stack {row.name} ({row.id}): its row in raw_template holds no JSON; repair the "
                "row or delete the stack"
            ) from None
        counts.update(each for each in wanted if any(_is(each, type) for type in types))
    return dict(counts)


def _types(template: str | None, environment: str | None) -> set[str]:
    registry = templates.parse(environment)
    return {
        templates.resolve(definition.type, name, registry)
        for name, definition in templates.definitions(templates.parse(template)).items()
    }


def _is(wanted: str, type: str) -> bool:
    return type.startswith(wanted[:-1]) if wanted.endswith("*") else type == wanted
