"""What a file that starts a service refers to: commands, modules, WSGI files, virtualenvs.

systemd units and drop-ins (systemd.service(5), systemd.syntax(7)), uwsgi's ini files, Apache's
mod_wsgi, kolla's config.json, supervisor's files, and plain command lines are read.
"""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

Kind = Literal["command", "script", "module", "virtualenv", "file"]

# Every script that Zed to 2026.2 or a deployer's package of them has had.
COMMANDS = frozenset(
    (
        "heat-all",
        "heat-api",
        "heat-api-cfn",
        "heat-api-cloudwatch",
        "heat-db-setup",
        "heat-engine",
        "heat-keystone-setup",
        "heat-keystone-setup-domain",
        "heat-manage",
        "heat-status",
        "heat-wsgi-api",
        "heat-wsgi-api-cfn",
    )
)
_MODULE = re.compile(r"heat(\.\w+)+(:\w+(\(\))?)?")
_NO_MODULE = {".conf", ".ini", ".json", ".log", ".pid", ".service", ".sh", ".sock", ".yaml"}
_PREFIXES = "-@:+!|"
# Of uwsgi's ini files and command line, of gunicorn's and Python's command line.
_SETTINGS: dict[str, Kind] = {
    "module": "module",
    "wsgi": "module",
    "w": "module",
    "m": "module",
    "wsgi-file": "script",
    "virtualenv": "virtualenv",
    "venv": "virtualenv",
    "home": "virtualenv",
    "pyhome": "virtualenv",
    "ini": "file",
}


@dataclass(frozen=True)
class Mention:
    """A word of a file that leads to code; `line` counts from 1.

    A "script" is a WSGI file, and a "file" one that says what is to be loaded.
    """

    kind: Kind
    value: str
    line: int


def mentions(path: Path, text: str, old_folder: str) -> Iterator[Mention]:
    """What a file refers to; whatever lies in `old_folder` counts as a command.

    :raises ValueError: it is not written as its name promises.
    """
    if path.suffix == ".json":
        yield from _kolla(text, old_folder)
    elif path.suffix == ".service" or path.parent.name.endswith(".service.d"):
        yield from _unit(text, old_folder)
    elif path.suffix in {".ini", ".conf"}:
        yield from _settings(text, old_folder)
    else:
        for number, line in _whole_lines(text):
            yield from _command_line(line, number, old_folder)


def resets(text: str) -> bool:
    """Whether a drop-in empties the ExecStart of its unit."""
    return any(re.fullmatch(r"\s*ExecStart\s*=\s*", line) for _, line in _whole_lines(text))


def _whole_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, those that end with a backslash joined with the next."""
    begun, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip()[:1] in {"#", ";"}:
            continue
        first = first or number
        if line.endswith("\\"):
            begun += line[:-1] + " "
            continue
        yield first, begun + line
        begun, first = "", 0
    if begun:
        yield first, begun


def _unit(text: str, old_folder: str) -> Iterator[Mention]:
    found: list[Mention] = []
    for number, line in _whole_lines(text):
        key, equals, value = line.partition("=")
        if key.strip() != "ExecStart" or not equals:
            continue
        command = value.strip().lstrip(_PREFIXES)
        # An empty one takes back those before it.
        found = [*found, *_command_line(command, number, old_folder)] if command else []
    yield from found


def _kolla(text: str, old_folder: str) -> Iterator[Mention]:
    document = json.loads(text)
    command = document.get("command") if isinstance(document, dict) else None
    if not isinstance(command, str):
        raise ValueError("it has no command")
    line = next(n for n, line in enumerate(text.splitlines(), 1) if '"command"' in line)
    yield from _command_line(command, line, old_folder)


def _settings(text: str, old_folder: str) -> Iterator[Mention]:
    for number, line in _whole_lines(text):
        words = _words(line)
        if words[:1] == ["WSGIScriptAlias"] and len(words) > 2:
            yield from _mention("script", words[2], number)
        elif words[:1] == ["WSGIPythonHome"] and len(words) > 1:
            yield Mention("virtualenv", words[1], number)
        elif words[:1] == ["WSGIDaemonProcess"]:
            for word in words:
                if word.startswith("python-home="):
                    yield Mention("virtualenv", word.partition("=")[2], number)
        else:
            key, equals, value = (part.strip() for part in line.partition("="))
            if not equals or not value:
                continue
            if key == "command":
                yield from _command_line(value, number, old_folder)
            elif key in _SETTINGS:
                yield from _mention(_SETTINGS[key], value, number)


def _mention(kind: Kind, value: str, line: int) -> Iterator[Mention]:
    """It, unless it is another service's: one file of Apache's or uwsgi's may serve several."""
    ours = {"module": _is_module(value), "script": "heat" in value}
    if ours.get(kind, True):
        yield Mention(kind, value, line)


def _command_line(text: str, line: int, old_folder: str) -> Iterator[Mention]:
    option = ""
    for word in _words(text):
        # The option before it, of which this word may be the value.
        before, option = option, ""
        if word.startswith("-"):
            name, equals, value = word.lstrip("-").partition("=")
            option = "" if equals else word
            if equals and name in _SETTINGS:
                yield from _mention(_SETTINGS[name], value, line)
        elif before.lstrip("-") in _SETTINGS:
            yield from _mention(_SETTINGS[before.lstrip("-")], word, line)
        elif before.startswith("--"):
            pass
        elif PurePath(word).name in COMMANDS or _lies_in(old_folder, word):
            yield Mention("command", word, line)
        else:
            yield from _mention("module", word, line)


def _lies_in(folder: str, word: str) -> bool:
    return bool(folder) and str(PurePath(word).parent) == folder


def _is_module(word: str) -> bool:
    return bool(_MODULE.fullmatch(word)) and PurePath(word).suffix not in _NO_MODULE


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()
