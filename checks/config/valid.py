"""Does the target release understand its configuration?"""

from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.configuration.api_paste import ApiPaste
from heat_upgrade_checks.evidence.configuration.options import KnownAs, Options, SetOption
from heat_upgrade_checks.evidence.configuration.trustee import Trustee
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat.removed_options import Removed, is_dangerous, removed
from heat_upgrade_checks.wording import counted, some

_NAMED = 3


@check("config.valid", phases=["installed"], guide="cold 2-4, rolling 1")
def check_every_option_is_known(
    options: Options,
    api_paste: ApiPaste,
    trustee: Trustee,
    target_release: Release,
    gate: Judgement,
) -> None:
    """The target release knows every option that is set for it."""
    gate.looked_at(
        f"{options.extent}, as Heat {target_release.version} takes them; {api_paste.extent}; "
        f"{trustee.extent}"
    )
    if options.missing:
        gate.note(
            "current release",
            "was not asked, so an option that it knew is not told from one that never was; add "
            f"{' and '.join(options.missing)} to the plan",
        )
    for option in options.options:
        if option.target is None:
            _judge_unknown(option, options, gate)
        else:
            major = int(target_release.version.partition(".")[0])
            _judge_known(option, option.target, major, gate)
    _judge_paste(api_paste, gate)
    _judge_trustee(trustee, gate)


def _spelled(option: SetOption) -> str:
    return f"[{option.place.group}] {option.place.name}"


def _where(option: SetOption) -> str:
    return f"{option.place.file}, line {option.place.line}"


def _judge_unknown(option: SetOption, options: Options, gate: Judgement) -> None:
    place, former = option.place, option.current
    fact = removed(place.group, place.name)
    where = _where(option)
    hint = fact.instead if fact else ""
    if former is None and not options.missing and fact is None:
        gate.warn(
            _spelled(option),
            f"is known to neither release, so it has no effect; {where}",
            hint=f"{option.meant} may be meant: set that instead, or remove it."
            if option.meant
            else "Correct its spelling or its section, or remove it.",
        )
    elif former is None and not options.missing:
        gate.warn(
            _spelled(option),
            f"has no effect in either release; {where}",
            hint=hint,
        )
    else:
        _judge_lost(option, fact, options, gate)


def _judge_lost(option: SetOption, fact: Removed | None, options: Options, gate: Judgement) -> None:
    former = option.current
    today = former.name if former else option.place.name
    danger = fact.danger if fact else ""
    if fact is None and former is not None and is_dangerous(today):
        danger = "what it says of connection or credentials is lost"
    hint = fact.instead if fact else "Find out in the release notes what takes its place."
    if former is not None and today != option.place.name:
        hint = f"Set [{former.group}] {former.name} instead."
    known = "" if options.missing else "; the current release knows it"
    say = gate.block if danger else gate.warn
    say(
        _spelled(option),
        f"is unknown to the target release, which ignores it in silence{known}"
        + (f", and {danger}" if danger else "")
        + f"; {_where(option)}",
        hint=hint,
    )


def _judge_known(option: SetOption, known: KnownAs, major: int, gate: Judgement) -> None:
    where = _where(option)
    if known.refused:
        gate.block(
            _spelled(option),
            f"{known.refused}; the target release cannot use it; {where}",
            hint="Correct the value.",
        )
    fact = removed(option.place.group, option.place.name)
    next_without = fact is not None and fact.gone_in == major + 1
    say = gate.warn if next_without else gate.note
    if (known.group, known.name) != (option.place.group, option.place.name):
        say(
            _spelled(option),
            f"is a former name, which the release after this one does not know; {where}"
            if next_without
            else f"is a former name; {where}",
            hint=f"Set [{known.group}] {known.name} instead.",
        )
    elif known.removal:
        reason = f": {known.reason.rstrip('.')}" if known.reason else ""
        say(
            _spelled(option),
            f"is gone in the release after this one{reason}; {where}"
            if next_without
            else f"will be removed{reason}; {where}",
            hint=fact.instead if fact else "",
        )


def _judge_trustee(trustee: Trustee, gate: Judgement) -> None:
    if not trustee.target.refused:
        return
    before = trustee.current is not None and trustee.current.refused
    say = gate.warn if before else gate.block
    say(
        "[trustee]",
        f"{trustee.target.refused}; the target release can use no trust, which live stacks need "
        "for whatever is done to them later"
        + ("; neither can the current release with its configuration" if before else ""),
        hint="Set auth_type, auth_url, username, password and user_domain_name there as in the "
        "current release's configuration, and no project or domain to log in to.",
    )


def _judge_paste(paste: ApiPaste, gate: Judgement) -> None:
    if not paste.file:
        gate.note(
            f"file {paste.wanted}" if paste.wanted else "[paste_deploy] api_paste_config",
            "was not found here; where the APIs of the target release run they need it",
            hint="Name it in [paste_deploy] api_paste_config, or run this phase on such a host.",
        )
        return
    for problem in paste.problems:
        gate.block(
            f"section {problem.section} of {paste.file}",
            f"{problem.reason}; the API of the target release does not start",
            hint="Take the file that the target release ships, and bring your changes over.",
        )
    if paste.shipped is None or paste.problems:
        return
    missing, changed = [], []
    for api, shipped in paste.shipped.items():
        parts = paste.parts.get(api, {})
        if not parts:
            continue  # A site that does not deploy it may have left it out.
        missing += [f"{name} of {api}" for name in shipped if name not in parts]
        changed += [f"{name} of {api}" for name, by in shipped.items() if parts.get(name, by) != by]
    if missing or changed:
        told = [f"lacks {_some(missing)}"] if missing else []
        told += [f"makes {_some(changed)} in another way"] if changed else []
        gate.warn(
            f"file {paste.file}",
            f"is not like the one that the target release ships: it {' and '.join(told)}",
            hint="Take the file that the target release ships, and bring your changes over.",
            data={"missing": missing, "changed": changed},
        )


def _some(names: list[str]) -> str:
    return some(names, _NAMED, f" and {counted(len(names) - _NAMED, 'other')}")
