"""The options of both releases' configurations, as each release's own code takes them."""

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from heat_upgrade_checks.evidence.code.interpreter import SERVICES
from heat_upgrade_checks.evidence.configuration.given import GivenConfiguration, Place
from heat_upgrade_checks.evidence.configuration.heat_conf import HeatConf
from heat_upgrade_checks.evidence.database.same_database import (
    DatabaseComparison,
    compare_databases,
)
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.heat.continuity import ENCRYPTION_KEY, KEPT
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.secrets import SECRET_NAME

_EC2 = "ec2authtoken"
_EC2_TOKEN = ((_EC2, "auth_type"), (_EC2, "auth_uri"))


@dataclass(frozen=True)
class KnownAs:
    """What a release takes an option for: `group` and `name` are those that it has today.

    `reason` is the release's own, why it will remove the option. `refused` completes a sentence
    about a value that it cannot use; it never holds the value.
    """

    group: str
    name: str
    removal: bool
    reason: str
    refused: str


@dataclass(frozen=True)
class SetOption:
    """An option of the target's configuration; None for a release that does not know it."""

    place: Place
    target: KnownAs | None
    current: KnownAs | None


@dataclass(frozen=True)
class Value:
    """An effective value: `text` is None where it is a secret, `is_set` tells it from a default."""

    known: bool
    readable: bool
    is_set: bool
    text: str | None


@dataclass(frozen=True)
class Compared:
    """One option of both releases."""

    group: str
    name: str
    same: bool
    current: Value
    target: Value


@dataclass(frozen=True)
class EncryptionKey:
    """What may be told of `auth_encryption_key`: its length in characters, and if it is public."""

    length: int
    is_public_default: bool


@dataclass(frozen=True)
class Continuity:
    """What both releases' configurations agree on."""

    compared: tuple[Compared, ...]
    current_key: EncryptionKey
    target_key: EncryptionKey
    database: DatabaseComparison


@dataclass(frozen=True)
class Ec2Token:
    """How the target's heat-api-cfn asks Keystone who signed a request.

    `sections` are those in which it looks for credentials, one for each cloud. A release may know
    credentials (`auth_type`), the older `auth_uri`, or both.
    """

    sections: tuple[str, ...]
    knows_credentials: bool
    knows_auth_uri: bool


@dataclass(frozen=True)
class Options(Facts):
    """The target's configuration option by option, and its agreement with the current release's.

    `missing` are the keys without which the plan does not let the current release be asked;
    `continuity` is None then, and no option is told to be known to it.
    """

    files: tuple[str, ...]
    options: tuple[SetOption, ...]
    ec2_token: Ec2Token
    missing: tuple[str, ...]
    continuity: Continuity | None

    @property
    def incomplete(self) -> tuple[str, ...]:
        """What is said of a current release, or of its database, that could not be asked."""
        found = []
        if self.missing:
            found.append(
                "the current release was not asked for its options; add "
                f"{' and '.join(self.missing)} to the plan"
            )
        if self.continuity and self.continuity.database.unknown:
            found.append(
                "whether both releases name one database could not be told: "
                f"{self.continuity.database.unknown}"
            )
        return tuple(found)

    @property
    def extent(self) -> str:
        """What was read."""
        return f"{len(self.options)} options set in {', '.join(self.files)}"


def observe(site: Site) -> Options:
    """How each release takes the target's options, and which of both releases' agree."""
    target = GivenConfiguration(site, "target")
    places = target.places()
    plan = site.plan.current
    missing = tuple(
        f"current.{key}"
        for key, given in (("python", plan.python), ("config", plan.is_configured))
        if not given
    )
    question: dict[str, Any] = {
        "names": [(place.group, place.name) for place in places],
        "also": _EC2_TOKEN,
        "values": [(kept.group, kept.name) for kept in KEPT],
        # Of this run alone, and kept nowhere: without it a fingerprint tells nothing of a value.
        "key": secrets.token_hex(32),
        "secret_names": SECRET_NAME.pattern,
    }

    def ask(side: SideName) -> dict[str, Any]:
        given = target if side == "target" else GivenConfiguration(site, side)
        text = json.dumps(given.question(**question))
        return site.interpreter(side).ask(dict[str, Any], "options.py", text, imports=SERVICES)

    sides: tuple[SideName, ...] = ("target",) if missing else ("target", "current")
    with ThreadPoolExecutor(len(sides)) as pool:
        answers = list(pool.map(ask, sides))
    known = [answer["known"] for answer in answers]
    if missing:
        known.append([None] * len(places))
    options = tuple(
        SetOption(place, _known(place, new), _known(place, old))
        for place, new, old in zip(places, *known, strict=True)
    )
    credentials, auth_uri = answers[0]["also"]
    continuity = None
    if not missing:
        new, old = (answer["values"] for answer in answers)
        continuity = Continuity(
            compared=tuple(
                Compared(kept.group, kept.name, _same(mine, its), _value(mine), _value(its))
                for kept, mine, its in zip(KEPT, old, new, strict=True)
            ),
            current_key=_encryption_key(old),
            target_key=_encryption_key(new),
            database=compare_databases(site),
        )
    ec2_token = Ec2Token(_ec2_sections(target.conf), credentials, auth_uri)
    return Options(target.conf.files, options, ec2_token, missing, continuity)


def _ec2_sections(conf: HeatConf) -> tuple[str, ...]:
    """As heat/api/aws/ec2token.py finds them; keystoneauth lets a section refer to another."""
    several = conf.is_true("multi_cloud", _EC2)
    clouds = (conf.get("clouds", _EC2) or "").split(",") if several else []
    sections = [f"{_EC2}.{cloud.strip()}" for cloud in clouds if cloud.strip()] or [_EC2]
    return tuple(conf.get("auth_section", section) or section for section in sections)


def _known(place: Place, answer: dict[str, Any] | None) -> KnownAs | None:
    if answer is None:
        return None
    group, name = answer["now"] or (place.group, place.name)
    return KnownAs(group, name, answer["removal"], answer["reason"], answer["refused"])


def _same(current: dict[str, Any], target: dict[str, Any]) -> bool:
    """Whether both values are alike; an option that a release lacks is like one that is empty."""
    if "print" in current and "print" in target:
        return bool(current["print"] == target["print"])
    return all(
        answer.get("text", "") == "nothing" for answer in (current, target) if answer["known"]
    )


def _value(answer: dict[str, Any]) -> Value:
    readable = not answer.get("unreadable", False)
    return Value(answer["known"], readable, answer.get("set", False), answer.get("text"))


def _encryption_key(values: list[dict[str, Any]]) -> EncryptionKey:
    place = next(number for number, kept in enumerate(KEPT) if kept.name == ENCRYPTION_KEY)
    answer = values[place]
    return EncryptionKey(answer.get("length", 0), answer.get("is_default", False))
