"""Release notes are read from every kind of source, and signatures hold for one text only."""

import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from heat_upgrade_checks.commands import notes as notes_command
from heat_upgrade_checks.errors import Unobserved, UsageError
from heat_upgrade_checks.evidence.notes.acknowledgements import (
    read_acknowledgements,
    write_acknowledgements,
)
from heat_upgrade_checks.evidence.notes.facts import Acknowledgement, Note, ReleaseNotes
from heat_upgrade_checks.evidence.notes.mentions import Option, options_of, types_of
from heat_upgrade_checks.evidence.notes.note_files import read_notes, read_tag, version_of
from heat_upgrade_checks.evidence.notes.release_notes import (
    edited_notes,
    lost_notes,
    new_notes,
    observe,
)
from heat_upgrade_checks.evidence.site import Site
from tests.driver import Outcome, call
from tests.judging import check_at, judge, plan

OLD = {"drop-python-39-aa.yaml": b"---\nupgrade:\n  - Python 3.9 is gone.\n"}
NEW = {
    **OLD,
    "deprecate-vitrage-bb.yaml": b"---\ndeprecations:\n  - |\n    Vitrage is deprecated.\n",
    "faster-cc.yaml": b"---\nfeatures:\n  - Faster.\nprelude: >\n  A release.\n",
}


def sdist(
    path: Path,
    notes: Mapping[str, bytes],
    folder: str = "releasenotes/notes",
    topmost: str = "openstack_heat-26.0.2",
    about: bytes = b"",
) -> Path:
    files = {f"{folder}/{name}": content for name, content in notes.items()}
    files = {f"{folder}/../../README.yaml": b"x", **({"PKG-INFO": about} if about else {}), **files}
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{topmost}/{name}")
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


def test_a_source_tells_its_version(tmp_path: Path) -> None:
    about = b"Metadata-Version: 2.1\nName: openstack-heat\nVersion: 25.0.2\n\nVersion: 1\n"
    assert version_of(sdist(tmp_path / "heat.tar.gz", NEW, about=about)) == "25.0.2"
    notes = tree(tmp_path / "source/releasenotes/notes", NEW)
    assert version_of(notes) is version_of(tmp_path / "source") is None
    (tmp_path / "source" / "PKG-INFO").write_bytes(about)
    assert version_of(notes) == version_of(tmp_path / "source") == "25.0.2"
    for topmost, version in (
        ("openstack_heat-26.0.2", "26.0.2"),
        ("heat-26.0.0.0rc1", "26.0.0.0rc1"),
        ("heat-stable-2026.1", None),
        ("heat-8f9bd3e5", None),
        ("heat", None),
    ):
        assert version_of(sdist(tmp_path / "x.tar.gz", NEW, topmost=topmost)) == version


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
    path = sdist(
        tmp_path / "heat.tar.gz", {f"{i}.yaml": Random(i).randbytes(999) for i in range(60)}
    )
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
        b"upgrade: 0x" + b"f" * 100_000,
    ],
)
def test_a_note_that_cannot_be_parsed_is_unobserved(content: bytes) -> None:
    with pytest.raises(Unobserved, match=r"release note note\.yaml"):
        note(content)


@pytest.mark.parametrize("depth", range(20, 400, 20))
def test_deep_nesting_is_a_text_or_unobserved(depth: int) -> None:
    with suppress(Unobserved):
        assert note("upgrade: " + "[" * depth + "]" * depth).must_be_acknowledged == ("upgrade",)


def test_a_renamed_note_is_the_same_and_a_copied_id_hides_none() -> None:
    id = "0123456789abcdef"
    current = {f"old-name-{id}.yaml": b"upgrade: A\n", "gone.yaml": b"fixes: B\n"}
    renamed = {f"new-name-{id}.yaml": b"upgrade: A\n"}
    assert new_notes(current, renamed) == ()
    assert lost_notes(current, renamed) == ("gone.yaml",)
    copied = current | renamed
    assert [each.name for each in new_notes(current, copied)] == [f"new-name-{id}.yaml"]


def test_a_note_of_both_that_reads_differently_is_told() -> None:
    current = {"a.yaml": b"upgrade: A\n", "b.yaml": b"upgrade: B  \n", "c.yaml": b"fixes: C\n"}
    target = {"a.yaml": b"upgrade: Z\n", "b.yaml": b"upgrade:  B\n"}
    assert edited_notes(current, target) == ("a.yaml",)


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
    facts = replace(
        facts, touches={"faster-cc.yaml": ("why",)}, incomplete=("what",), lost=("x.yaml",)
    )
    adapter = TypeAdapter(ReleaseNotes)
    assert adapter.validate_json(adapter.dump_json(facts)) == facts
    assert facts.extent == (
        "3 notes of 26.0.2 are not in 25.0.2, 1 of them to be acknowledged; 1 signed entries in f"
    )


# --- whose notes they are -------------------------------------------------------------------------


def compared(folder: Path, current: str, target: str) -> ReleaseNotes:
    """What is told of sdists of these versions, for an upgrade from 25.0.2 to 26.0.2."""
    given = {
        side: str(sdist(folder / f"{side}.tar.gz", NEW, topmost=f"openstack_heat-{version}"))
        for side, version in (("current", current), ("target", target))
    }
    return observe(Site(plan(notes=given), folder))


@pytest.mark.parametrize(
    ("current", "target", "said"),
    [
        (
            "25.0.3",
            "26.0.2",
            r"current\.tar\.gz, has the notes of Heat 25\.0\.3 \(2025\.2\), but t",
        ),
        (
            "24.1.2",
            "26.0.2",
            r"current\.tar\.gz, has the notes of Heat 24\.1\.2 \(2025\.1\), but t",
        ),
        (
            "26.0.2",
            "25.0.2",
            r"current\.tar\.gz, has the notes of Heat 26\.0\.2 \(2026\.1\), but t",
        ),
        (
            "25.0.2",
            "25.0.2",
            r"target release is 26\.0\.2 \(2026\.1\); .* `heat-upgrade-check notes -",
        ),
        (
            "25.0.2",
            "26.0.0",
            r"target\.tar\.gz, has the notes of Heat 26\.0\.0 \(2026\.1\), but th",
        ),
        (
            "25.0.2",
            "26.0.3",
            r"target\.tar\.gz, has the notes of Heat 26\.0\.3 \(2026\.1\), but th",
        ),
        ("25.0.2", "2.0.0", r"notes\.target of the plan, .*: Heat 2\.0\.0 is older than Rocky"),
    ],
)
def test_notes_of_another_release_prove_nothing(
    current: str, target: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(Unobserved, match=said):
        compared(tmp_path, current, target)


@pytest.mark.parametrize("current", ["25.0.2", "25.0.0", "25.0.0.0rc1"])
def test_an_earlier_one_of_the_current_series_only_makes_more_notes_new(
    current: str, tmp_path: Path
) -> None:
    assert compared(tmp_path, current, "26.0.2").current == f"{tmp_path}/current.tar.gz"


def test_a_folder_that_does_not_tell_its_version_is_said_to_be_one(tmp_path: Path) -> None:
    given = {"current": tree(tmp_path / "old", OLD), "target": tree(tmp_path / "new", NEW)}
    site = Site(plan(notes=given), tmp_path)
    said = f"{tmp_path}/new (version not told) are not in {tmp_path}/old (version not told), "
    assert said in observe(site).extent
    (tmp_path / "new" / "PKG-INFO").write_text("Version: 26.0.1\n", "utf-8")
    with pytest.raises(
        Unobserved, match=r"has the notes of Heat 26\.0\.1 \(2026\.1\), but the tar"
    ):
        observe(site)


# --- what a note speaks of ------------------------------------------------------------------------

GIVEN: tuple[Option, ...] = (
    ("DEFAULT", "convergence_engine"),
    ("DEFAULT", "debug"),
    ("DEFAULT", "host"),
    ("clients_monasca", "endpoint_type"),
    ("ec2authtoken", "auth_uri"),
    ("ec2authtoken", "ca_file"),
    ("ec2authtoken.west", "auth_url"),
    ("heat_api", "bind_host"),
    ("keystone_authtoken", "auth_uri"),
    ("keystone_authtoken", "ca_file"),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("``[DEFAULT] convergence_engine`` is deprecated", ["DEFAULT/convergence_engine"]),
        ("set [heat_api] bind_host yourself", ["heat_api/bind_host"]),
        ("``[heat_api]/bind-host`` is gone", ["heat_api/bind_host"]),
        ("heat_api/bind_host is gone", ["heat_api/bind_host"]),
        ("``heat_api.bind_host`` is gone", ["heat_api/bind_host"]),
        ("``convergence_engine=false`` no longer works", ["DEFAULT/convergence_engine"]),
        ("the option ``debug`` is gone", ["DEFAULT/debug"]),
        ("the option `debug` is gone", ["DEFAULT/debug"]),
        ("the options in ``[clients_monasca]`` section", ["clients_monasca/endpoint_type"]),
        ("options of ``[ec2authtoken]``: ``ca_file``", ["ec2authtoken/ca_file"]),
        ("credentials in ``[ec2authtoken.<name>]``", ["ec2authtoken.west/auth_url"]),
        ("option ``auth_uri``", ["ec2authtoken/auth_uri", "keystone_authtoken/auth_uri"]),
        ("``[ec2authtoken] auth_uri`` option", ["ec2authtoken/auth_uri"]),
        # Everyday words, properties and other groups.
        ("debug the host, and/or its bind_host option", []),
        ("the ``host`` property of a server", []),
        ("``[DEFAULT]`` options changed", []),
        ("``[keystone_authtoken] convergence_engine``", []),
        ("``ca_files`` and xheat_api/bind_host/x", []),
        ("`story 1 <https://example.org/debug>`_", []),
    ],
)
def test_the_options_that_a_note_speaks_of(text: str, expected: list[str]) -> None:
    spoken = options_of(Note("x.yaml", "", {"upgrade": (text,)}), GIVEN)
    assert [f"{group}/{option}" for group, option in spoken] == expected


def test_what_the_text_of_a_note_leaves_out() -> None:
    wsgi = Note("drop-heat-wsgi-scripts-using-eventlet-fb27d7912ffbd0a4.yaml", "", {})
    assert options_of(wsgi, GIVEN) == [("heat_api", "bind_host")]
    monasca = Note("remove-monasca-dece91171a385669.yaml", "", {})
    assert types_of(monasca) == {"OS::Monasca::Notification"}


def test_the_types_that_a_note_names() -> None:
    text = "``OS::Nova::Server`` and OS::Senlin::*; not a::b, std::X or OS::"
    assert types_of(Note("x.yaml", "", {"fixes": (text,)})) == {"OS::Nova::Server", "OS::Senlin::*"}


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


# --- the check ------------------------------------------------------------------------------------

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


# --- the command, and a gate ----------------------------------------------------------------------


def upgrade(folder: Path, target: Mapping[str, bytes]) -> Path:
    """A plan with folders of notes."""
    tree(folder / "old", OLD)
    tree(folder / "new", {**OLD, **target})
    plan = folder / "plan.yaml"
    plan.write_text(
        "{name: notes, mode: rolling, current: {version: 25.0.2}, target: {version: 26.0.2}, "
        "notes: {current: old, target: new, acknowledgements: signed.yaml}}"
    )
    return plan


def notes(plan: Path, *words: str, columns: int = 80) -> Outcome:
    environment = {"COLUMNS": str(columns)}
    return call("notes", "--plan", plan, *words, cwd=plan.parent, environment=environment)


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


# --- fetching -------------------------------------------------------------------------------------


def test_without_pip_nothing_is_fetched_and_nothing_written(tmp_path: Path) -> None:
    plan = upgrade(tmp_path, {})
    path = tmp_path / "path"
    path.mkdir()
    (path / "pip.py").write_text("raise ModuleNotFoundError('no pip', name='pip')")
    before = sorted(tmp_path.iterdir())
    environment = {"PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
    words = ("notes", "--fetch", "--plan", plan)
    outcome = call(*words, cwd=tmp_path, environment=environment)
    assert outcome.code == 64
    assert outcome.err.count("\n") == 1
    assert "has no pip to fetch with; install pip there, or get both sdists by hand" in outcome.err
    assert sorted(tmp_path.iterdir()) == before
