"""Does what must stay the same for live stacks stay the same?"""

from heat_upgrade_checks.evidence.configuration.effective import Compared, Value
from heat_upgrade_checks.evidence.configuration.options import Continuity, Options
from heat_upgrade_checks.evidence.database.same_database import DatabaseComparison
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat.continuity import (
    DOMAIN_OPTIONS,
    ENCRYPTION_KEY,
    KEY_LENGTHS,
    Kept,
    kept,
)
from heat_upgrade_checks.records.findings import Level
from heat_upgrade_checks.wording import counted, some

_NAMED = 5
_KEY = f"[DEFAULT] {ENCRYPTION_KEY}"


@check("config.continuity", phases=["installed"], guide="cold 2-4, rolling 1")
def check_what_must_stay_the_same_does(options: Options, gate: Judgement) -> None:
    """What must stay the same for live stacks does."""
    continuity = _continuity(options, gate)
    if continuity is None:
        return
    _judge(continuity, continuity.compared, gate)
    _judge_key(continuity, gate)


@check("config.continuity", phases=["vhost"], guide="rolling 4")
def check_it_is_still_the_same(options: Options, gate: Judgement) -> None:
    """What must stay the same for live stacks does."""
    continuity = _continuity(options, gate)
    if continuity is None:
        return
    # Code and its defaults were judged in phase installed; only what is set may have changed since.
    changeable = tuple(
        each for each in continuity.compared if each.current.is_set or each.target.is_set
    )
    _judge(continuity, changeable, gate, notes=False)


def _continuity(options: Options, gate: Judgement) -> Continuity | None:
    if options.continuity is None:
        gate.looked_at(f"the target's {options.extent} alone")
        gate.cannot_tell(
            "the configurations of both releases cannot be compared; add "
            f"{' and '.join(options.missing)} to the plan"
        )
        return None
    database = options.continuity.database
    gate.looked_at(
        f"{counted(len(options.continuity.compared), 'option')} of both releases, as the "
        "code of each takes "
        f"its configuration; databases {database.current} and {database.target}"
    )
    return options.continuity


def _judge(
    continuity: Continuity, compared: tuple[Compared, ...], gate: Judgement, *, notes: bool = True
) -> None:
    domains = {each.name: each for each in compared if each.name in DOMAIN_OPTIONS}
    renamed = _names_domain_in_two_ways(domains)
    if renamed:
        gate.warn(
            "domain of the stack users",
            "is named by its id for one release and by its name for the other",
            hint="Make sure that both are one domain, or name it in the same way.",
            commands=[["openstack", "domain", "list"]],
        )
    rest = []
    for each in compared:
        if each.same or (renamed and each.name in DOMAIN_OPTIONS):
            continue
        rule = kept(each.group, each.name)
        level = rule.level
        if rule.where_unset and (each.current.empty or each.target.empty):
            level = rule.where_unset
        if level is None or (level is Level.NOTE and not notes):
            continue
        if rule.breaks:
            _differs(each, rule, level, gate)
        else:
            rest.append(each)
    if rest:
        _tell_the_rest(rest, gate)
    _judge_database(continuity.database, gate)


def _tell_the_rest(rest: list[Compared], gate: Judgement) -> None:
    """In one note: none of them is known to break what is live."""
    names = [f"[{each.group}] {each.name}" for each in rest]
    verb = "is" if len(rest) == 1 else "are"
    gate.note(
        "other options",
        f"{counted(len(rest), 'option')} that the current release sets {verb} not the same for the "
        f"target: {some(names, _NAMED, ', ...')}",
        data={
            "options": {
                name: {"current": _told(each.current), "target": _told(each.target)}
                for name, each in zip(names, rest, strict=True)
            }
        },
    )


def _names_domain_in_two_ways(domains: dict[str, Compared]) -> bool:
    if domains.keys() != set(DOMAIN_OPTIONS):
        return False
    by_id, by_name = (domains[name] for name in DOMAIN_OPTIONS)
    one = by_id.current.is_set, by_name.target.is_set and not by_id.target.is_set
    other = by_id.target.is_set, by_name.current.is_set and not by_id.current.is_set
    return all(one) or all(other)


def _differs(each: Compared, rule: Kept, level: Level, gate: Judgement) -> None:
    unreadable = [side for side in ("current", "target") if not getattr(each, side).readable]
    if unreadable:
        gate.cannot_tell(
            f"{rule.spelled} of the {unreadable[0]} release has a value that its code refuses; "
            "correct it"
        )
        return
    say = {Level.BLOCKER: gate.block, Level.WARNING: gate.warn, Level.NOTE: gate.note}[level]
    if each.current.text is None or each.target.text is None:
        summary = "differs between the releases"
    else:
        summary = f"is {_told(each.target)} for the target, and {_told(each.current)} for current"
    say(
        rule.spelled,
        f"{summary}: {rule.breaks}",
        hint="Give the target release the same value, unless the difference is meant.",
    )


def _told(value: Value) -> str:
    if not value.known:
        return "unknown"
    if value.text is None:
        return "not shown"
    return f"{value.text}{'' if value.is_set else ' by default'}"


def _judge_database(database: DatabaseComparison, gate: Judgement) -> None:
    subject = "[database] connection"
    if database.verdict == "other":
        gate.block(
            subject,
            f"is {database.target} for the target, which does not hold what {database.current} "
            "of the current release holds",
            hint="Let both releases name the one database.",
        )
    elif database.verdict == "unknown":
        gate.cannot_tell(
            f"{subject} is {database.target} for the target and {database.current} for the current "
            f"release, and whether both are one could not be told: {database.unknown}"
        )
    elif database.verdict == "same-rows" and gate.phase == "installed":
        gate.note(
            subject,
            f"is {database.target} for the target and {database.current} for the current release; "
            "both hold the same rows",
        )


def _judge_key(continuity: Continuity, gate: Judgement) -> None:
    current, target = continuity.current_key, continuity.target_key
    if target.length not in KEY_LENGTHS:
        gate.block(
            _KEY,
            f"has {target.length} characters for the target; heat-engine starts only with 32, or "
            "the older 16 and 24",
            hint="Give the target release the key of the current one.",
        )
    elif target.length < max(KEY_LENGTHS):
        gate.note(_KEY, f"has {target.length} characters, and Heat asks for 32 in its log")
    if target.is_public_default and current.is_public_default:
        gate.warn(
            _KEY,
            "is Heat's default, which is public: whoever reads the database can decrypt every "
            "credential in it",
            hint="Keep it for this upgrade; plan to encrypt anew with a key of your own after it.",
        )
    elif target.is_public_default != current.is_public_default:
        side = "target" if target.is_public_default else "current"
        gate.block(
            _KEY,
            f"is Heat's public default for the {side} release alone",
            hint="Give the target release the key of the current one.",
        )
