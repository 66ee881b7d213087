"""The options of both releases' configurations, as each release's own code takes them."""

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from heat_upgrade_checks.evidence.code.interpreter import SERVICES
from heat_upgrade_checks.evidence.configuration.effective import (
    Compared,
    Effective,
    EncryptionKey,
    compare,
    encryption_key,
)
from heat_upgrade_checks.evidence.configuration.given import GivenConfiguration, Place
from heat_upgrade_checks.evidence.configuration.heat_conf import HeatConf
from heat_upgrade_checks.evidence.configuration.spelling import meant
from heat_upgrade_checks.evidence.database.same_database import (
    DatabaseComparison,
    compare_databases,
)
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.secrets import SECRET_NAME
from heat_upgrade_checks.wording import counted

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
    """An option of the target's configuration; None for a release that does not know it.

    `meant` is the target's option that is most like one that it does not know, if any is.
    """

    place: Place
    target: KnownAs | None
    current: KnownAs | None
    meant: str = ""


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
        return f"{counted(len(self.options), 'option')} set in {', '.join(self.files)}"


@dataclass(frozen=True)
class _Known:
    """What a release knows of an option; `now` is its group and name where it was renamed."""

    now: tuple[str, str] | None
    removal: bool
    reason: str
    refused: str


@dataclass(frozen=True)
class _Answer:
    """What asked/options.py answers, in the order in which it was asked."""

    known: tuple[_Known | None, ...]
    also: tuple[bool, bool]
    values: tuple[Effective, ...]


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
    given: dict[SideName, GivenConfiguration] = {"target": target}
    if not missing:
        given["current"] = GivenConfiguration(site, "current")
    question = {
        "names": [(place.group, place.name) for place in places],
        "loads": [(each.group, each.name) for of in given.values() for each in of.places()],
        "also": _EC2_TOKEN,
        # Of this run alone, and kept nowhere: without it a fingerprint tells nothing of a value.
        "key": secrets.token_hex(32),
        "secret_names": SECRET_NAME.pattern,
    }

    def ask(side: SideName) -> _Answer:
        interpreter = site.interpreter(side)
        text = json.dumps(given[side].question(**question))
        answer = interpreter.ask(_Answer, "options.py", text, imports=SERVICES)
        if len(answer.known) != len(places) or not answer.values:
            raise interpreter.left_out("its options")
        return answer

    with ThreadPoolExecutor(len(given)) as pool:
        answers = dict(zip(given, pool.map(ask, given), strict=True))
    new, old = answers["target"], answers.get("current")
    names = {(value.group, value.name) for value in new.values}
    options = tuple(
        SetOption(
            place,
            _known(place, its),
            _known(place, mine),
            "" if its else meant(place.group, place.name, names),
        )
        for place, its, mine in zip(
            places, new.known, old.known if old else (None,) * len(places), strict=True
        )
    )
    credentials, auth_uri = new.also
    continuity = None
    if old:
        continuity = Continuity(
            compared=tuple(compare(old.values, new.values)),
            current_key=encryption_key(old.values),
            target_key=encryption_key(new.values),
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


def _known(place: Place, found: _Known | None) -> KnownAs | None:
    if found is None:
        return None
    group, name = found.now or (place.group, place.name)
    return KnownAs(group, name, found.removal, found.reason, found.refused)
