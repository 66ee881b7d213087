"""Release notes are read from every kind of source, and signatures hold for one text only."""

import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from heat_upgrade_checks.errors import Unobserved, UsageError
from heat_upgrade_checks.evidence.acknowledgements import (
    read_acknowledgements,
    write_acknowledgements,
)
from heat_upgrade_checks.evidence.release_note_facts import Acknowledgement, Note, ReleaseNotes
from heat_upgrade_checks.evidence.release_note_sources import read_notes, read_tag
from heat_upgrade_checks.evidence.release_notes import new_notes

OLD = {"drop-python-39-aa.yaml": b"---\nupgrade:\n  - Python 3.9 is gone.\n"}
NEW = {
    **OLD,
    "deprecate-vitrage-bb.yaml": b"---\ndeprecations:\n  - |\n    Vitrage is deprecated.\n",
    "faster-cc.yaml": b"---\nfeatures:\n  - Faster.\nprelude: >\n  A release.\n",
}


def sdist(path: Path, notes: Mapping[str, bytes], folder: str = "releasenotes/notes") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {"../../README.yaml": b"x", **notes}.items():
            member = tarfile.TarInfo(f"openstack_heat-26.0.2/{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def tree(path: Path, notes: Mapping[str, bytes]) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for name, content in notes.items():
        (path / name).write_bytes(content)
    return path


def git(checkout: Path, *words: str) -> None:
    identity = {"AUTHOR": "A", "COMMITTER": "C"}
    names = {f"GIT_{role}_NAME": name for role, name in identity.items()}
    mails = {f"GIT_{role}_EMAIL": "who@example.org" for role in identity}
    environment = {**os.environ, **names, **mails}
    command = ["git", "-c", "init.defaultBranch=main", "-C", str(checkout), *words]
    subprocess.run(command, env=environment, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of Heat with the tags 25.0.2 and 26.0.2."""
    path = tmp_path / "heat"
    for version, notes in {"25.0.2": OLD, "26.0.2": NEW}.items():
        tree(path / "releasenotes/notes", notes)
        git(path, "init")
        git(path, "add", ".")
        git(path, "commit", "-m", version)
        git(path, "tag", "-a", "-m", version, version)
    return path


# --- sources --------------------------------------------------------------------------------------


def test_notes_come_out_of_an_sdist_a_folder_and_a_source_tree(tmp_path: Path) -> None:
    assert read_notes(sdist(tmp_path / "heat.tar.gz", NEW)) == NEW
    folder = tree(tmp_path / "source/releasenotes/notes", NEW)
    (folder / ".placeholder").touch()
    assert read_notes(folder) == NEW
    assert read_notes(tmp_path / "source") == NEW


def test_notes_come_out_of_a_tag_whatever_is_checked_out(checkout: Path) -> None:
    (checkout / "releasenotes/notes/faster-cc.yaml").write_text("changed")
    assert read_tag(checkout, "25.0.2") == OLD
    assert read_tag(checkout, "26.0.2") == NEW


def test_git_is_not_led_astray_by_its_environment(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path))
    assert read_tag(checkout, "26.0.2") == NEW


@pytest.mark.parametrize("version", ["--help", "26.0.2:x", "", "a b", "../x", "26.0.2\n"])
def test_what_is_no_version_never_reaches_git(version: str, checkout: Path) -> None:
    with pytest.raises(Unobserved, match="is no version"):
        read_tag(checkout, version)


def test_a_missing_tag_or_checkout_is_unobserved(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(Unobserved, match=r"has no tag 27\.0\.0: run `git fetch --tags`"):
        read_tag(checkout, "27.0.0")
    (tmp_path / "plain").mkdir()
    for path in (tmp_path / "plain", tmp_path / "missing"):
        with pytest.raises(Unobserved, match="is no git checkout"):
            read_tag(path, "26.0.2")


def test_a_checkout_that_lacks_the_notes_is_unobserved(checkout: Path, tmp_path: Path) -> None:
    partial = tmp_path / "partial"
    git(checkout, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "--bare", "--filter=blob:none", checkout.as_uri(), str(partial))
    with pytest.raises(Unobserved, match="name a full clone or an sdist"):
        read_tag(partial, "26.0.2")


def test_a_missing_git_is_unobserved(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unobserved, match="install git"):
        read_tag(checkout, "26.0.2")


def test_a_source_without_notes_proves_nothing(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "rm", "-r", "releasenotes")
    git(checkout, "commit", "-m", "none")
    git(checkout, "tag", "27.0.0")
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unobserved, match="holds no release notes"):
        read_tag(checkout, "27.0.0")
    with pytest.raises(Unobserved, match="holds no release notes"):
        read_notes(tmp_path / "empty")
    with pytest.raises(Unobserved, match="holds no release notes"):
        read_notes(sdist(tmp_path / "heat.tar.gz", NEW, folder="docs"))


def test_a_broken_sdist_is_unobserved(tmp_path: Path) -> None:
    path = sdist(tmp_path / "heat.tar.gz", {f"{i}.yaml": os.urandom(999) for i in range(60)})
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:-9], b"", b"no archive" * 99):
        path.write_bytes(content)
        with pytest.raises(Unobserved, match=r"heat\.tar\.gz cannot be read"):
            read_notes(path)
    with pytest.raises(Unobserved, match="No such file"):
        read_notes(tmp_path / "missing.tar.gz")


def test_links_in_an_sdist_are_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "heat.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("heat-1/releasenotes/notes/x.yaml")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(Unobserved, match="holds no release notes"):
        read_notes(path)


def test_a_huge_note_is_refused(checkout: Path, tmp_path: Path) -> None:
    huge = {"huge.yaml": b"#" * (256 * 1024 + 1)}
    with pytest.raises(Unobserved, match=r"huge\.yaml has 262145 bytes"):
        read_notes(sdist(tmp_path / "heat.tar.gz", huge))
    with pytest.raises(Unobserved, match=r"huge\.yaml has 262145 bytes"):
        read_notes(tree(tmp_path / "notes", huge))
    tree(checkout / "releasenotes/notes", huge)
    git(checkout, "add", ".")
    git(checkout, "commit", "-m", "huge")
    git(checkout, "tag", "27.0.0")
    with pytest.raises(Unobserved, match=r"huge\.yaml has 262145 bytes"):
        read_tag(checkout, "27.0.0")


# --- notes ----------------------------------------------------------------------------------------


def test_new_notes_are_those_whose_names_are_new() -> None:
    edited = {"drop-python-39-aa.yaml": b"---\nupgrade:\n  - Reworded.\n"}
    notes = new_notes({**edited, "only-in-current.yaml": b"---\nfixes: [x]\n"}, NEW)
    assert notes == (
        Note(
            "deprecate-vitrage-bb.yaml",
            hashlib.sha256(NEW["deprecate-vitrage-bb.yaml"]).hexdigest(),
            {"deprecations": ("Vitrage is deprecated.",)},
        ),
        Note(
            "faster-cc.yaml",
            hashlib.sha256(NEW["faster-cc.yaml"]).hexdigest(),
            {"features": ("Faster.",), "prelude": ("A release.",)},
        ),
    )
    assert [note.must_be_acknowledged for note in notes] == [("deprecations",), ()]


def note(content: bytes | str) -> Note:
    data = content if isinstance(content, bytes) else content.encode()
    return new_notes({}, {"note.yaml": data})[0]


def test_sections_are_strings_or_lists_and_texts_need_no_quotes() -> None:
    assert note("upgrade: One.\nissues:\n- A\n- B\n").sections == {
        "upgrade": ("One.",),
        "issues": ("A", "B"),
    }
    assert note("fixes:\n- Bug: gone\n- 42\n").sections == {"fixes": ("Bug: gone", "42")}
    empty = note("upgrade:\nsecurity: []\nfixes: [x]")
    assert empty.sections == {"upgrade": (), "security": (), "fixes": ("x",)}
    assert empty.must_be_acknowledged == ()


@pytest.mark.parametrize(
    "content",
    [
        b"upgrade: [",
        b"\xff\xfe\xfa",
        b"just text",
        b"- a list",
        b"",
        b"upgrade: !!python/object/apply:os.system [id]",
        b"upgrade: !!int ''",
        b"upgrade: !!bool x",
        b"upgrade: !!timestamp x",
        b"upgrade: 2026-99-99",
        b"a: \x07",
        b"[" * 100_000,
    ],
)
def test_a_note_that_cannot_be_parsed_is_unobserved(content: bytes) -> None:
    with pytest.raises(Unobserved, match=r"release note note\.yaml"):
        note(content)


def test_aliases_are_refused_before_they_unfold() -> None:
    lines = ["x0: &x0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    for n in range(1, 30):
        lines.append(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]")
    with pytest.raises(Unobserved, match="has YAML aliases"):
        note("\n".join(lines))


def test_facts_survive_json() -> None:
    half_a_pair = note('fixes: "\\uD800"')
    signed = Acknowledgement("a.yaml", "00", "Ann", "2026-11-22", "", ("upgrade",))
    facts = ReleaseNotes("25.0.2", "26.0.2", (*new_notes(OLD, NEW), half_a_pair), "f", (signed,))
    adapter = TypeAdapter(ReleaseNotes)
    assert adapter.validate_json(adapter.dump_json(facts)) == facts
    assert facts.extent == (
        "3 notes of 26.0.2 are not in 25.0.2, 1 of them to be acknowledged; 1 signed entries in f"
    )


# --- acknowledgements -----------------------------------------------------------------------------


def made(name: str, text: str = "Read me.", section: str = "upgrade") -> Note:
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
    return Note(name, digest, {section: (text,)})


def sign(path: Path, name: str, **words: str) -> None:
    entries = yaml.safe_load(path.read_text())
    for entry in entries:
        if entry["name"] == name:
            entry.update(words)
    path.write_text(yaml.safe_dump(entries))


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
    hostile = Note(f"a{text}.yaml".encode("utf-8", "replace").decode(), "0" * 64, {})
    hostile = Note(hostile.name, hostile.sha256, {"upgrade": (text,), text: (text, text)})
    write_acknowledgements(path, [hostile])
    (entry,) = read_acknowledgements(path)
    assert (entry.name, entry.sha256) == (hostile.name, hostile.sha256)
    raw = path.read_text(encoding="utf-8")
    assert not set("\x00\x07\x1b\x85\u2028\u2029\u202e") & set(raw)


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


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
