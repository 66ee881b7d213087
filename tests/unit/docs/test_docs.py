"""What the documentation tells to type is what the driver takes, and its plans are plans."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
import yaml
from markdown_it import MarkdownIt

from heat_upgrade_checks import plan
from heat_upgrade_checks.commands.program import main
from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.gates import catalogue
from heat_upgrade_checks.records import waivers

ROOT = Path(__file__).parents[3]
RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "examples/README.md"]
PAGES += sorted((ROOT / "checks").rglob("*.md"))
EXAMPLES = sorted(path for path in (ROOT / "examples").rglob("*") if path.is_file())

PROGRAM = "heat-upgrade-check"
_LINK = re.compile(r"\]\((?P<path>[^)#:\s]+)(?:#[^)\s]*)?\)")


class Fence(NamedTuple):
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


class Command(NamedTuple):
    """One call of the driver that a page shows."""

    where: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.where} {' '.join(self.words)}"


def fences(page: Path) -> Iterator[Fence]:
    """The fenced blocks of a page."""
    name = str(page.relative_to(ROOT))
    for token in MarkdownIt().parse(page.read_text("utf-8")):
        if token.type == "fence" and token.map:
            yield Fence(name, token.map[0] + 1, token.info.strip(), token.content)


def inline_code(page: Path) -> Iterator[tuple[int, str]]:
    """The code within a page's sentences and tables, with its line."""
    parser = MarkdownIt().enable("table")
    for token in parser.parse(page.read_text("utf-8")):
        for child in token.children or ():
            if child.type == "code_inline" and token.map:
                yield token.map[0] + 1, child.content


def calls(where: str, text: str) -> Iterator[Command]:
    """Each call of the driver in a piece of shell; brackets mark what may be left out."""
    for line in text.replace("\\\n", " ").splitlines():
        for part in re.split(r"&&|\|\||[;|]", line):
            if PROGRAM not in part:
                continue
            words = shlex.split(part.replace("[", "").replace("]", ""), comments=True)
            names = [Path(word).name for word in words]
            if PROGRAM in names:
                yield Command(where, tuple(words[names.index(PROGRAM) + 1 :]))


def shown_commands() -> list[Command]:
    """Every call of the driver on every page."""
    found: list[Command] = []
    for page in PAGES:
        for fence in fences(page):
            if fence.language in {"", "sh", "shell", "console", "bash"}:
                found += calls(str(fence), fence.text)
        for line, code in inline_code(page):
            if code.startswith(f"{PROGRAM} "):
                found += calls(f"{page.relative_to(ROOT)}:{line}", code)
    return found


def plans_shown() -> list[Fence]:
    """Every plan in the README and the runbooks."""
    return [
        fence
        for page in (ROOT / "README.md", *RUNBOOKS)
        for fence in fences(page)
        if fence.language == "yaml" and re.search(r"^mode:", fence.text, re.MULTILINE)
    ]


def waivers_shown() -> list[Fence]:
    """Every list of waivers in the runbooks."""
    return [
        fence
        for page in RUNBOOKS
        for fence in fences(page)
        if fence.language == "yaml" and re.search(r"^- id:", fence.text, re.MULTILINE)
    ]


def _refused(command: Command, monkeypatch: pytest.MonkeyPatch) -> str:
    """Why the driver would refuse a call, or nothing; nothing is carried out."""
    taken: dict[str, Any] = {}
    for each in (main, *main.commands.values()):
        monkeypatch.setattr(each, "callback", lambda **given: taken.update(given))
    try:
        main.main(list(command.words), prog_name=PROGRAM, standalone_mode=False)
    except click.UsageError as error:
        return error.format_message()
    for option in ("wait", "interval"):
        given = taken.get(option)
        if given and given != "DURATION":
            plan.duration(given)
    if taken.get("phase") and (taken["phase"] == "engine") != bool(taken.get("host")):
        return "--host belongs to phase engine, and to no other"
    if taken.get("only"):
        catalogue.require_known(catalogue.load(), taken["only"], "--only")
    return ""


def test_there_is_something_to_judge() -> None:
    assert RUNBOOKS
    assert len(shown_commands()) > 40
    assert {fence.page for fence in plans_shown()} == {"README.md"} | {
        str(page.relative_to(ROOT)) for page in RUNBOOKS if page.name != "index.md"
    }
    assert waivers_shown()


@pytest.mark.parametrize("command", shown_commands(), ids=str)
def test_each_command_is_one_that_the_driver_takes(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not _refused(command, monkeypatch)


@pytest.mark.parametrize(
    "words", ["frobnicate", "--phase after", "--phase engine", "--phase pre --hosts a", "list x"]
)
def test_a_wrong_command_would_be_found(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _refused(Command("here", tuple(words.split())), monkeypatch)


@pytest.mark.parametrize("fence", plans_shown(), ids=str)
def test_each_plan_is_one(fence: Fence, tmp_path: Path) -> None:
    path = tmp_path / "heat-upgrade.yaml"
    path.write_text(fence.text, encoding="utf-8")
    loaded, _ = plan.load(path)
    catalogue.require_known(catalogue.load(), loaded.require, "require")
    # Where `notes --fetch`, which the pages tell to type, downloads them to.
    assert loaded.notes is not None
    for side, sdist in (
        (loaded.current, loaded.notes.current),
        (loaded.target, loaded.notes.target),
    ):
        assert sdist is not None
        assert sdist.parent == tmp_path / "heat-upgrade-notes"
        assert sdist.name.startswith(f"openstack_heat-{side.version or ''}")


def test_a_wrong_plan_would_be_found(tmp_path: Path) -> None:
    fence = plans_shown()[0]
    with pytest.raises(UsageError, match="unknown key"):
        test_each_plan_is_one(fence._replace(text=f"{fence.text}brokr: {{}}\n"), tmp_path)


@pytest.mark.parametrize("fence", waivers_shown(), ids=str)
def test_each_waiver_is_one(fence: Fence, tmp_path: Path) -> None:
    path = tmp_path / "waivers.yaml"
    path.write_text(fence.text, encoding="utf-8")
    found = waivers.load(path)
    catalogue.require_known(catalogue.load(), [waiver.id for waiver in found], "waivers")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_release_notes_are_signed_before_the_first_gate(page: Path) -> None:
    for fence in fences(page):
        _, fetched, then = fence.text.partition("notes --fetch\n")
        if fetched and "--phase pre" in then:
            assert "$EDITOR heat-upgrade-notes.yaml" in then, fence


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.name)
def test_each_heat_manage_is_called_with_its_path_and_configuration(page: Path) -> None:
    code = [fence.text for fence in fences(page)] + [text for _, text in inline_code(page)]
    bare = re.compile(r"(?<!/bin/)heat-manage|heat-manage(?! --config-file /)")
    assert not [text for text in code if bare.search(text)]


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.name)
def test_what_is_started_is_there_after_a_reboot_too(page: Path) -> None:
    assert not [str(fence) for fence in fences(page) if "systemctl start" in fence.text]


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.name)
def test_no_vhost_is_deleted_on_the_way(page: Path) -> None:
    deleting = [fence.text.splitlines() for fence in fences(page) if "delete_vhost" in fence.text]
    assert all(len(lines) == 1 for lines in deleting)


@pytest.mark.parametrize("path", [*RUNBOOKS, *EXAMPLES], ids=lambda path: path.name)
def test_work_is_let_end_before_the_engines_are_stopped(path: Path) -> None:
    """The gate before the one of phase stopped is a partial one of the same phase, with --only."""
    gate = re.compile(r"(?:--phase|\bgate)\W+(pre|stopped|installed|synced|post)\W+(\w*)")
    gates = gate.findall(path.read_text("utf-8"))
    before = [gates[number - 1] for number, gate in enumerate(gates) if gate == ("stopped", "wait")]
    assert before == [("stopped", "only")] * len(before)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_link_leads_to_a_file(page: Path) -> None:
    links = {match["path"] for match in _LINK.finditer(page.read_text("utf-8"))}
    assert not {link for link in links if not (page.parent / link).exists()}


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.name)
def test_each_link_is_named_after_its_check(page: Path) -> None:
    text = page.read_text("utf-8")
    pairs = re.findall(r"\[([^]]+)\]\(\.\./checks/([^)]+)\.md\)", text)
    assert not [(name, id) for name, id in pairs if name.split(",")[0] != id]


@pytest.mark.parametrize(
    "path", [path for path in EXAMPLES if path.suffix in {".yml", ".yaml"}], ids=lambda p: p.name
)
def test_each_example_in_yaml_is_yaml(path: Path) -> None:
    assert yaml.safe_load(path.read_text("utf-8"))


@pytest.mark.parametrize(
    "path", [path for path in EXAMPLES if path.suffix == ".sh"], ids=lambda p: p.name
)
def test_each_example_in_shell_is_shell(path: Path) -> None:
    subprocess.run(["bash", "-n", path], check=True)
