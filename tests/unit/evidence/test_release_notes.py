"""Which notes are new between two releases, whose they are, and what they speak of."""

import hashlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.notes.facts import Acknowledgement, Note, ReleaseNotes
from heat_upgrade_checks.evidence.notes.mentions import Option, options_of, types_of
from heat_upgrade_checks.evidence.notes.release_notes import (
    edited_notes,
    lost_notes,
    new_notes,
    observe,
)
from heat_upgrade_checks.evidence.site import Site
from tests.judging import plan
from tests.unit.evidence.noted import NEW, OLD, sdist, tree

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
    assert note("upgrades: Mistyped.\n").must_be_acknowledged == ("upgrades",)
    both = note("prelude: P\nother: O\nRemoved: x\nupgrade: y\n")
    assert both.must_be_acknowledged == ("upgrade", "Removed")


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
