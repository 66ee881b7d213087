"""Notes as the check, the command and the reports show them."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from heat_upgrade_checks.commands import notes as notes_command
from heat_upgrade_checks.evidence.notes.facts import Acknowledgement, ReleaseNotes
from tests.driver import Outcome, call
from tests.judging import check_at, judge
from tests.unit.evidence.noted import made, notes, sign, upgrade

CHECK = check_at("release.notes-acknowledged", "pre")


def test_every_note_is_told_with_who_signed_it_and_what_touches_comes_first() -> None:
    notes = (made("a.yaml"), made("b.yaml"), made("c.yaml", section="fixes"), made("d.yaml"))
    signed = Acknowledgement("b.yaml", notes[1].sha256, "Ann", "2026-11-22", "fine", ())
    facts = ReleaseNotes(
        "25",
        "26",
        notes,
        "/notes.yaml",
        (signed, replace(signed, name="a.yaml", sha256="other")),
        {"d.yaml": ("[x] y is set in /etc/z",), "c.yaml": ("OS::A::B is used by 1 stack",)},
        ("lost.yaml",),
        ("edited.yaml",),
        ("stacks could not be told",),
    )
    found = judge(CHECK, "pre", release_notes=facts).findings
    assert [f"{each.level} {each.object}: {each.summary}" for each in found] == [
        "blocker d.yaml: is not acknowledged (upgrade); touches this deployment: "
        "[x] y is set in /etc/z",
        "blocker a.yaml: changed since it was acknowledged",
        "warning lost.yaml: is a note of 25 that 26 does not have, so the target may lack what it "
        "tells of",
        "note what the notes touch: stacks could not be told",
        "note c.yaml: needs no acknowledgement (fixes); touches this deployment: "
        "OS::A::B is used by 1 stack",
        "note b.yaml: acknowledged by Ann at 2026-11-22: fine",
        "note edited.yaml: is a note of both releases that reads differently in the target",
    ]
    told = {each.object: each.data for each in found if each.data}
    assert told["b.yaml"] == {
        "sha256": notes[1].sha256,
        "sections": ["upgrade"],
        "asks": ["upgrade"],
        "by": "Ann",
        "at": "2026-11-22",
        "remark": "fine",
        "touches": [],
    }
    assert told["a.yaml"]["by"] == "", "nobody has signed this text"


def gate(plan: Path) -> Outcome:
    words = (
        "--phase",
        "pre",
        "--only",
        "release",
        "--reports",
        plan.parent / "reports",
        "--plan",
        plan,
    )
    return call(*words, cwd=plan.parent)


def test_notes_are_shown_to_be_read(tmp_path: Path) -> None:
    text = "word " * 40 + "\n\n- item " + "more " * 30 + "\n\n    literal  text\n"
    content = yaml.safe_dump({"upgrade": [text], "fixes": ["Last."]}).encode()
    plan = upgrade(tmp_path, {"faster.yaml": b"features: [F]\n", "long.yaml": content})
    outcome = notes(plan)
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    shown = lines[lines.index("To be acknowledged") :]
    assert all(len(line) <= 80 for line in shown if "signed.yaml" not in line)
    assert shown[1:5] == ["==================", "", "long.yaml  (to be acknowledged)", "  upgrade:"]
    assert "        literal  text" in shown
    assert any(line.startswith("    - item more") for line in shown)
    assert (
        shown.index("  fixes:") < shown.index("For your information") < shown.index("faster.yaml")
    )
    assert lines[-1].endswith("signed.yaml: 0 acknowledged, 1 to fill in (`by` and `at`)")
    assert "the plan names no configuration of the current release" in outcome.out
    sign(tmp_path / "signed.yaml", "long.yaml", by="Ann", at="2026-11-22")
    again = notes(plan)
    assert "long.yaml  (acknowledged by Ann at 2026-11-22)" in again.out
    assert "1 acknowledged, 0 to fill in" in again.out


ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e<script>alert(1)</script>&amp;`*_[x](y)|"
CONTROLS = set("\x1b\x07\x9b\u202e")


def test_hostile_notes_do_no_harm_anywhere(tmp_path: Path) -> None:
    content = yaml.safe_dump({"upgrade": [ESCAPES], ESCAPES: [ESCAPES]}).encode()
    name = "evil<img src=x onerror=alert(1)>\x1b[31m.yaml"
    plan = upgrade(tmp_path, {name: content})
    shown = notes(plan)
    assert shown.code == 0, shown.err
    assert not CONTROLS & set(shown.out + shown.err + (tmp_path / "signed.yaml").read_text())
    opened = gate(plan)
    assert (opened.code, opened.red) == (2, {"release.notes-acknowledged"})
    harmless_reports(opened)
    entries = yaml.safe_load((tmp_path / "signed.yaml").read_text())
    entries[0].update(by=ESCAPES, at="2026-11-22", remark=ESCAPES * 300)
    (tmp_path / "signed.yaml").write_text(yaml.safe_dump(entries))
    closed = gate(plan)
    assert closed.code == 0, closed.out
    harmless_reports(closed)
    again = notes(plan)
    assert "1 acknowledged" in again.out
    assert not CONTROLS & set(again.out)


def harmless_reports(outcome: Outcome) -> None:
    assert not CONTROLS & set(outcome.out + outcome.err)
    for name in ("gate.html", "gate.md", "junit.xml", "details.html"):
        text = (outcome.folder / name).read_text("utf-8")
        assert not CONTROLS & set(text), name
        assert "<script>alert" not in text, name
        assert "<img src=x" not in text.replace("`evil<img src=x onerror=alert(1)>", ""), name
    assert len((outcome.folder / "gate.md").read_bytes()) < 4000


@pytest.mark.parametrize(
    "content",
    [
        b"a: &a [x, x]\nb: &b [*a, *a]\nupgrade: [*b, *b]\n",
        b"upgrade: !!python/object/apply:os.system ['touch owned']\n",
        b"upgrade: " + b"[" * 9_000,
        b"upgrade: |\n" + b"  x\n" * 70_000,
    ],
    # pytest hands the test's name to every child, which cannot be started with a name this long.
    ids=["aliases", "tags", "deep", "huge"],
)
def test_hostile_yaml_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    plan = upgrade(tmp_path, {"evil\x1b.yaml": content})
    shown = notes(plan)
    assert (shown.code, shown.out) == (64, "")
    assert shown.err.startswith("heat-upgrade-check: release note evil")
    assert shown.err.rstrip().endswith("read it by hand")
    assert "\x1b" not in shown.err
    assert not (tmp_path / "signed.yaml").exists()
    assert not list(tmp_path.rglob("owned"))


def test_a_note_that_cannot_be_read_leaves_the_gate_incomplete(tmp_path: Path) -> None:
    outcome = gate(upgrade(tmp_path, {"evil\x1b.yaml": b"upgrade: ["}))
    assert outcome.check("release.notes-acknowledged")["outcome"] == "error"
    assert (outcome.code, "\x1b" in outcome.out) == (3, False)


def test_items_and_paragraphs_keep_apart() -> None:
    text = "a\nb\n\n- c\n  d\n1. e\n"
    assert list(notes_command._paragraphs(text, 80)) == [
        "    a b",
        "",
        "    - c",
        "      d",
        "    1. e",
    ]
