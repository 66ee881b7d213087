"""What the files that start the target's services refer to, and whether the target has it."""

import glob
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

from heat_upgrade_checks.errors import NotConfigured
from heat_upgrade_checks.evidence.code.start_lines import Kind, Mention, mentions, resets
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.wording import counted

_Owner = Literal["current", "target", ""]

_PLACEHOLDERS = "$%"
_FILES = ("command", "script")


@dataclass(frozen=True)
class Reference:
    """A word of a service file that leads to Heat's code.

    `exists` is None where the word holds a variable. `release` is whose code it is: that of the
    target, or still of the current release, or "" where neither's environment holds it.
    """

    kind: Kind
    value: str
    file: str
    line: int
    exists: bool | None
    release: _Owner


@dataclass(frozen=True)
class ServiceFiles(Facts):
    """`files` were read; `incomplete` says of the others why not, in a sentence each."""

    files: tuple[str, ...]
    references: tuple[Reference, ...]
    incomplete: tuple[str, ...] = ()

    @property
    def extent(self) -> str:
        """What was read."""
        return (
            f"{', '.join(self.files) or 'no file'}: "
            f"{counted(len(self.references), 'reference')} to Heat"
        )


def observe(site: Site) -> ServiceFiles:
    """The references of `target.service_files`.

    :raises NotConfigured: the plan names none.
    """
    patterns = site.plan.target.service_files
    if not patterns:
        raise NotConfigured(
            "the plan names no files that start the target's services; add: "
            "target: {service_files: [/etc/systemd/system/heat-*.service]}"
        )
    unread: list[str] = []
    texts = _read(patterns, unread)
    old_folder = _old_folder(site)
    found: list[tuple[Path, Mention]] = []
    waiting = sorted(texts)
    while waiting:
        path = waiting.pop(0)
        if _is_reset(path, texts):
            continue
        try:
            named = list(mentions(path, texts[path], old_folder))
        except ValueError:
            unread.append(f"{path} is not written as its name promises; correct it")
            continue
        found += [(path, each) for each in named if each.kind != "file"]
        for each in named:
            # A command line may name the ini file that says what uwsgi loads.
            if each.kind == "file" and (other := Path(each.value)) not in texts:
                more = _read((other,), unread)
                texts |= more
                waiting += more
    return ServiceFiles(
        tuple(str(path) for path in sorted(texts)), _looked_up(site, found), tuple(unread)
    )


def _read(patterns: tuple[Path, ...], unread: list[str]) -> dict[Path, str]:
    texts: dict[Path, str] = {}
    for pattern in patterns:
        paths = sorted(glob.glob(str(pattern)))  # noqa: PTH207 - the pattern is absolute
        if not paths:
            unread.append(f"{pattern} matches no file; correct target.service_files in the plan")
        for path in map(Path, paths):
            try:
                texts[path] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                unread.append(f"{path}: not UTF-8 text; leave it out of target.service_files")
            except OSError as error:
                unread.append(f"{path}: {error.strerror}; let this account read it")
    return texts


def _is_reset(path: Path, texts: dict[Path, str]) -> bool:
    """Whether a drop-in empties the ExecStart of this unit, or of an earlier drop-in.

    systemd reads a unit's drop-ins in the order of their names, whatever folder they are in.
    """
    drop_in = path.parent.name.endswith(".service.d")
    folder = path.parent.name if drop_in else f"{path.name}.d"
    return any(
        resets(text)
        for other, text in texts.items()
        if other.parent.name == folder and (not drop_in or other.name > path.name)
    )


def _old_folder(site: Site) -> str:
    """The current release's folder of commands, where it has one of its own."""
    python, new = site.plan.current.python, site.plan.target.python
    if python is None or new is None or python.parent == new.parent:
        return ""
    own = python.parents[1].joinpath("pyvenv.cfg").exists()
    return str(python.parent) if own else ""


@dataclass(frozen=True)
class _Command:
    """Where a name leads; `python` is its first line's, `modules` what it imports of Heat."""

    path: str
    exists: bool
    python: str
    modules: tuple[str, ...]


@dataclass(frozen=True)
class _Answer:
    """What asked/entry_points.py answers; of each module, whether it is there."""

    commands: dict[str, _Command]
    modules: dict[str, bool]


def _looked_up(site: Site, found: list[tuple[Path, Mention]]) -> tuple[Reference, ...]:
    plain = [each for _, each in found if not _is_variable(each.value)]
    asked = {
        "commands": sorted({each.value for each in plain if each.kind in _FILES}),
        "modules": sorted({each.value for each in plain if each.kind == "module"}),
    }
    interpreter = site.interpreter("target")
    answer = interpreter.ask(_Answer, "entry_points.py", json.dumps(asked))
    modules = {module for command in answer.commands.values() for module in command.modules}
    if answer.commands.keys() != set(asked["commands"]) or (
        answer.modules.keys() != modules.union(asked["modules"])
    ):
        raise interpreter.left_out("what its service files name")
    return tuple(
        reference for path, each in found for reference in _references(site, path, each, answer)
    )


def _is_variable(value: str) -> bool:
    return any(sign in value for sign in _PLACEHOLDERS)


def _references(site: Site, path: Path, mention: Mention, answer: _Answer) -> Iterator[Reference]:
    def reference(exists: bool | None, release: _Owner) -> Reference:
        return Reference(mention.kind, mention.value, str(path), mention.line, exists, release)

    if _is_variable(mention.value):
        yield reference(None, "")
    elif mention.kind == "module":
        yield reference(answer.modules[mention.value], "target")
    elif mention.kind == "virtualenv":
        folder = str(PurePath(mention.value) / "bin")
        yield reference(True, _owner(site, folder))
    else:
        told = answer.commands[mention.value]
        folders = (str(PurePath(each).parent) for each in (told.path, told.python) if each)
        owners = [owner for folder in folders if (owner := _owner(site, folder))]
        # Which interpreter runs a WSGI file is not for its first line to say.
        own: _Owner = "target" if mention.kind == "script" else ""
        yield reference(told.exists, owners[0] if owners else own)
        for module in told.modules:
            if "current" not in owners:
                exists = answer.modules[module]
                yield Reference("module", module, told.path, 0, exists, "target")


def _owner(site: Site, folder: str) -> _Owner:
    current, target = site.plan.current.python, site.plan.target.python
    if target is not None and folder == str(target.parent):
        return "target"
    return "current" if current is not None and folder == str(current.parent) else ""
