"""Every source says what it could not see in one and the same way, and a recording keeps it."""

import json
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import TypeAdapter, ValidationError

from heat_upgrade_checks.evidence.answers import read
from heat_upgrade_checks.evidence.backup.live_rows import LiveRows
from heat_upgrade_checks.evidence.backup.newest import Backups
from heat_upgrade_checks.evidence.broker.access import Access
from heat_upgrade_checks.evidence.broker.new_vhost import NewVhost
from heat_upgrade_checks.evidence.broker.notifications import Notifications
from heat_upgrade_checks.evidence.broker.old_queues import OldQueues
from heat_upgrade_checks.evidence.code import installation
from heat_upgrade_checks.evidence.code.installation import Distributions
from heat_upgrade_checks.evidence.code.service_files import ServiceFiles
from heat_upgrade_checks.evidence.configuration.effective import EncryptionKey
from heat_upgrade_checks.evidence.configuration.options import (
    Continuity,
    Ec2Token,
    Options,
)
from heat_upgrade_checks.evidence.database.account import Account
from heat_upgrade_checks.evidence.database.open_transactions import Transactions
from heat_upgrade_checks.evidence.database.same_database import DatabaseComparison
from heat_upgrade_checks.evidence.database.schema_state import Deleted, SchemaState
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.evidence.sources import SOURCES, Source
from heat_upgrade_checks.evidence.stacks.resource_types import ResourceTypes
from heat_upgrade_checks.heat.declarations import MessagingOptions
from heat_upgrade_checks.heat.series_libraries import LIBRARIES

KEY = EncryptionKey(32, False)
OPTIONS = Options(("heat.conf",), (), Ec2Token((), True, False), (), None)
UNTOLD = DatabaseComparison("mysql://a/heat", "mysql://b/heat", "unknown", "why")
VHOST = NewVhost("http://rabbit", "/new", "/old", ("/new",), "control1", MessagingOptions())
QUEUES = OldQueues("http://rabbit", "/", True, True, (), 0.0, None, "no database", (), "no peek")
STATE = SchemaState(
    "mysql",
    "heat",
    (),
    None,
    Account("heat@%", True, "", (), (), False),
    Transactions((), hidden=True),
    Deleted(0, None),
    Deleted(0, None),
    0,
)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_every_source_says_what_it_could_not_see(source: Source) -> None:
    assert is_dataclass(source.facts)
    assert issubclass(source.facts, Facts)
    own = [field for field in fields(source.facts) if field.name == "incomplete"]
    assert own == [] or (own[0].type, own[0].default) == (tuple[str, ...], ())
    assert isinstance(vars(Facts)["incomplete"], property)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            replace(VHOST, settings_unknown="a", old_settings_unknown="b", objects_unknown="a"),
            ["a", "b"],
        ),
        (
            replace(VHOST, access=(Access("h", login_unknown="in", permissions_unknown="may"),)),
            ["in", "may"],
        ),
        (VHOST, []),
        (QUEUES, ["no database", "no peek"]),
        (replace(QUEUES, database_error="", left_error=""), []),
        (
            replace(OPTIONS, missing=("current.python", "current.config")),
            ["add current.python and"],
        ),
        (replace(OPTIONS, continuity=Continuity((), KEY, KEY, UNTOLD)), ["could not be told: why"]),
        (OPTIONS, []),
        (ResourceTypes(("target.config",), 0, 0, (), 0), ["add target.config to the plan"]),
        (ResourceTypes((), 1, 1, (), 0), []),
        (STATE, ["GRANT PROCESS ON *.* TO 'heat'@'%'"]),
        (replace(STATE, backend="postgresql"), ['GRANT pg_read_all_stats TO "heat@%"']),
        (replace(STATE, transactions=Transactions((), hidden=False)), []),
        (replace(STATE, transactions=None), []),
        (Backups("*.sql", "heat", (), None, LiveRows({}, {}, (), "away")), ["away"]),
        (Backups("*.sql", "heat", (), None), []),
    ],
)
def test_parts_that_checks_tell_apart_are_told_together(facts: Facts, words: list[str]) -> None:
    assert len(facts.incomplete) == len(words)
    assert all(word in told for word, told in zip(words, facts.incomplete, strict=True))


class _Asked:
    """A site whose interpreter gives one answer."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.plan = self.target = self
        self.python = Path("/opt/heat/bin/python")

    def interpreter(self, _: str) -> "_Asked":
        return self

    def ask(self, shape: type[Distributions], *_: str) -> Distributions:
        return read(shape, json.dumps(self.answer), "it", "ask again")


@pytest.mark.parametrize(
    ("unchecked", "incomplete"),
    [
        ("", ()),
        (
            "no module named packaging",
            (
                "requirements of /opt/heat/bin/python cannot be compared: no module named "
                "packaging; install packaging there",
            ),
        ),
    ],
)
def test_requirements_that_could_not_be_compared(
    unchecked: str, incomplete: tuple[str, ...]
) -> None:
    answer = {"python": "3.11", "version": "26.0.2", "package": True, "requires_python": ""}
    libraries = dict.fromkeys(LIBRARIES, "1.0")
    more = {"unmet": [], "lost": [], "unchecked": unchecked, "libraries": libraries}
    site = _Asked({**answer, **more})
    assert installation.observe(cast("Site", site)).incomplete == incomplete


PARTS_UNSEEN: tuple[Facts, ...] = (
    ServiceFiles(("/u",), (), ("/v cannot be read",)),
    Notifications(("messagingv2",), "heat", True, False, (), ("hidden",)),
    replace(VHOST, objects_unknown="why"),
    STATE,
)


def _recorded(facts: Facts) -> Any:
    return TypeAdapter(type(facts)).dump_python(facts, mode="json")


@pytest.mark.parametrize("facts", PARTS_UNSEEN, ids=lambda facts: type(facts).__name__)
def test_a_recording_keeps_what_could_not_be_seen(facts: Facts) -> None:
    again = TypeAdapter(type(facts)).validate_python(_recorded(facts), strict=False)
    assert again == facts
    assert again.incomplete == facts.incomplete != ()


@pytest.mark.parametrize("facts", PARTS_UNSEEN, ids=lambda facts: type(facts).__name__)
def test_a_field_that_is_not_known_is_not_passed_over(facts: Facts) -> None:
    recorded = _recorded(facts) | {"unread": ["/v"]}
    with pytest.raises(ValidationError, match="unread"):
        TypeAdapter(type(facts)).validate_python(recorded, strict=False)
