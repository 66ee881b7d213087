"""The judgement on resource types that are lost, and which count as lost."""

from typing import Any

import pytest

from heat_upgrade_checks.errors import NotConfigured
from heat_upgrade_checks.evidence.stacks import resource_types
from heat_upgrade_checks.evidence.stacks.resource_types import LostType, ResourceTypes, Use
from tests.judging import check_at, hand, judge, plan

CHECK = check_at("stacks.resource-types", "pre")


def _use(number: int, stack: int = 0) -> Use:
    return Use(f"s{stack}", f"web{stack}", "p1", f"r{number}")


def _facts(*lost: LostType, missing: tuple[str, ...] = ()) -> ResourceTypes:
    return ResourceTypes(missing, 201, 199, lost, 7)


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        ((), []),
        ((LostType("A::B", "gone", 0, ()),), []),
        (
            (LostType("A::B", "gone", 1, (_use(0),)),),
            [
                "A::B: is unknown to the target release; used by 1 resource of live stacks, in "
                "web0 (s0)"
            ],
        ),
        (
            (LostType("A::B", "placeholder", 1500, tuple(_use(n, n % 5) for n in range(1000))),),
            [
                "A::B: is a placeholder in the target release, which does nothing; used by "
                "1500 resources of live stacks, in web0 (s0), web1 (s1), web2 (s2), ..."
            ],
        ),
    ],
)
def test_a_lost_type_in_use_is_a_blocker(lost: tuple[LostType, ...], expected: list[str]) -> None:
    gate = judge(CHECK, "pre", resource_types=_facts(*lost))
    assert [f"{f.object}: {f.summary}" for f in gate.findings] == expected
    assert all(f.level == "blocker" for f in gate.findings)


def test_what_a_condition_keeps_from_existing_is_a_note() -> None:
    gate = judge(
        CHECK,
        "pre",
        resource_types=_facts(LostType("A::B", "gone", 0, (), 2, (_use(0), _use(1, 1)))),
    )
    (finding,) = gate.findings
    assert finding.level == "note"
    assert finding.summary == (
        "is unknown to the target release; 2 resources of live stacks behind a condition that is "
        "false would come back with it, in web0 (s0), web1 (s1)"
    )


def test_without_an_interpreter_pre_leaves_the_question_to_installed() -> None:
    facts = _facts(missing=("target.python", "target.config"))
    with pytest.raises(NotConfigured, match="phase installed asks again"):
        CHECK(resource_types=facts, gate=hand(plan(), "pre"))
    gate = judge(CHECK, "installed", resource_types=facts)
    assert gate.unknowns == [
        "the types of both releases cannot be compared; add target.python and target.config "
        "to the plan"
    ]


@pytest.mark.parametrize(
    ("current", "target", "expected"),
    [
        ({"A::B": "SUPPORTED"}, {"A::B": "HIDDEN"}, {}),
        ({"A::B": "DEPRECATED"}, {}, {"A::B": "gone"}),
        ({"A::B": "HIDDEN"}, {"A::B": "placeholder"}, {"A::B": "placeholder"}),
        ({"A::B": "placeholder"}, {}, {}),
        ({"A::B": "placeholder"}, {"A::B": "placeholder"}, {}),
    ],
)
def test_what_is_lost(
    current: dict[str, str], target: dict[str, str], expected: dict[str, Any]
) -> None:
    assert dict(resource_types._lost(current, target)) == expected
