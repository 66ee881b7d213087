"""The file in which people sign release notes: signatures hold for one text only."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.evidence.notes.acknowledgements import (
    read_acknowledgements,
    write_acknowledgements,
)
from heat_upgrade_checks.evidence.notes.facts import Acknowledgement, Note
from tests.unit.evidence.noted import made, sign


def test_no_file_means_no_acknowledgement(tmp_path: Path) -> None:
    assert read_acknowledgements(tmp_path / "notes.yaml") == ()
    (tmp_path / "notes.yaml").write_text("# nothing yet\n")
    assert read_acknowledgements(tmp_path / "notes.yaml") == ()


def test_the_file_has_an_entry_for_each_note_that_must_be_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "notes.yaml"
    notes = [made("b.yaml"), made("a.yaml", section="security"), made("c.yaml", section="fixes")]
    assert write_acknowledgements(path, notes) == (2, 0)
    assert [entry.name for entry in read_acknowledgements(path)] == ["a.yaml", "b.yaml"]
    first = read_acknowledgements(path)[0]
    assert (first.sections, first.by, first.at, first.is_signed) == (("security",), "", "", False)
    assert "#     Read me.\n" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640


def test_signatures_hold_while_the_note_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "notes.yaml"
    notes = [made("a.yaml"), made("b.yaml"), made("c.yaml")]
    write_acknowledgements(path, notes)
    path.chmod(0o600)
    sign(path, "a.yaml", by="Ann", at="2026-11-22", remark="fine")
    sign(path, "b.yaml", by="Bob", at="2026-11-22", remark="look at the pipelines")
    changed = [notes[0], made("b.yaml", "Read me again."), notes[2]]
    assert write_acknowledgements(path, changed) == (2, 1)
    a, b, _c = read_acknowledgements(path)
    assert (a.by, a.at, a.remark, a.is_signed) == ("Ann", "2026-11-22", "fine", True)
    assert (b.by, b.at, b.remark, b.is_signed) == ("", "", "look at the pipelines", False)
    assert b.sha256 == changed[1].sha256
    assert path.stat().st_mode & 0o777 == 0o600
    written = path.read_bytes()
    assert write_acknowledgements(path, changed) == (2, 1)
    assert path.read_bytes() == written


def test_signed_entries_of_other_notes_are_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "notes.yaml"
    write_acknowledgements(path, [made("a.yaml"), made("b.yaml")])
    sign(path, "a.yaml", by="Ann", at="2026-11-22")
    assert write_acknowledgements(path, [made("c.yaml")]) == (1, 0)
    assert [entry.name for entry in read_acknowledgements(path)] == ["c.yaml", "a.yaml"]


def test_half_a_signature_is_none(tmp_path: Path) -> None:
    path = tmp_path / "notes.yaml"
    write_acknowledgements(path, [made("a.yaml")])
    sign(path, "a.yaml", by="Ann", at=" ")
    assert write_acknowledgements(path, [made("a.yaml")]) == (1, 0)


def test_dates_need_no_quotes(tmp_path: Path) -> None:
    path = tmp_path / "notes.yaml"
    path.write_text("- {name: a.yaml, sha256: ab, by: Ann, at: 2026-11-22}\n")
    (entry,) = read_acknowledgements(path)
    assert entry == Acknowledgement("a.yaml", "ab", "Ann", "2026-11-22", "", ())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("- {name: a, sha256: b, By: c}", r"entry 1 has the unknown key 'By': did you mean by\?"),
        ("- {name: a, sha256: b, remarks: c}", r"'remarks': did you mean remark\?"),
        ("- {name: a, sha256: b, zzz: c}", "'zzz': known are name,"),
        ("- {name: a, sha256: b}\n- {sha256: b}", "entry 2 has no name"),
        ("- {name: a, by: b}", "entry 1 has no sha256"),
        ("- {name: a, sha256: b}\n- {name: a, sha256: c}", "two entries with the name 'a'"),
        ("- {name: a, sha256: b, by: yes}", "entry 1, key by, is no text"),
        ("- {name: a, sha256: b, by: [c]}", "entry 1, key by, is no text"),
        ("- {name: a, sha256: b, sections: upgrade}", "key sections"),
        ("- text", "entry 1 is no mapping"),
        ("name: a", "is no list of entries"),
        ("- {name: a\n- b: [", "line 2: expected"),
        ("- {name: a, sha256: !!int ''}", "not readable as YAML"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_and_the_file_is_kept(
    content: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "notes.yaml"
    path.write_text(content)
    with pytest.raises(UsageError, match=words) as raised:
        read_acknowledgements(path)
    assert "notes.yaml" in str(raised.value)
    with pytest.raises(UsageError, match=words):
        write_acknowledgements(path, [made("a.yaml")])
    assert path.read_text() == content


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"notes\.yaml cannot be written"):
        write_acknowledgements(tmp_path / "missing" / "notes.yaml", [made("a.yaml")])


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "notes.yaml"
    link.symlink_to("there/notes.yaml")
    write_acknowledgements(link, [made("a.yaml")])
    assert link.is_symlink()
    assert [entry.name for entry in tmp_path.joinpath("there").iterdir()] == ["notes.yaml"]
    assert len(read_acknowledgements(link)) == 1


BREAKOUTS = [
    "x\n- name: evil\n  sha256: 00\n",
    "x\r- name: evil",
    "x\x85- name: evil",
    "x\u2028- name: evil\u2029- name: evil",
    "<script>alert(1)</script> \x1b[31m \x00 \x07 \ufeff \u202e \ud800 \U0001f600",
    "x\x0b- name: evil\x0c- name: evil\x1c- name: evil",
]


@pytest.mark.parametrize("text", BREAKOUTS)
def test_no_text_breaks_out_of_its_comment(text: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.yaml"
    # No file, tag or archive gives a name with a NUL, and no YAML of ours takes one.
    name = f"a{text}.yaml".replace("\0", "").encode("utf-8", "replace").decode()
    hostile = Note(name, "0" * 64, {})
    hostile = Note(hostile.name, hostile.sha256, {"upgrade": (text,), text: (text, text)})
    write_acknowledgements(path, [hostile])
    (entry,) = read_acknowledgements(path)
    assert (entry.name, entry.sha256) == (hostile.name, hostile.sha256)
    raw = path.read_text(encoding="utf-8")
    assert not set("\x00\x07\x1b\x85\u2028\u2029\u202e") & set(raw)


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@given(text=WORDS, by=WORDS, at=WORDS, remark=WORDS)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_people_write_survives_a_rewrite(
    text: str, by: str, at: str, remark: str, tmp_path: Path
) -> None:
    path = tmp_path / "notes.yaml"
    path.unlink(missing_ok=True)
    notes = [made("a.yaml", text), made("b.yaml")]
    write_acknowledgements(path, notes)
    sign(path, "a.yaml", by=by, at=at, remark=remark)
    write_acknowledgements(path, notes)
    first, second = read_acknowledgements(path)
    if by.strip() and at.strip():
        assert (first.by, first.at) == (by, at)
    assert first.remark == remark
    assert second.name == "b.yaml"
