"""Runs inside a Heat release's own interpreter (3.8 and later) and answers one JSON object.

It is sent on standard input, with one JSON object as its argument: `commands`, names or paths, and
`modules`, as `package.module` or `package.module:attribute`. It tells which of them exist here, and
what the commands' first line and imports say. Only packages above a module are imported.
"""

import ast
import importlib.util
import json
import os
import re
import sys

_ANSWER = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
_IMPORT = re.compile(r"^\s*(?:from|import)\s+(heat(?:\.\w+)+)", re.M)
_LARGEST = 1 << 20


def command(name):
    """Where a name leads from this interpreter's folder, and what it is."""
    path = os.path.join(os.path.dirname(sys.executable), name)
    told = {"path": path, "exists": os.path.exists(path), "python": "", "modules": []}
    if os.path.isfile(path):
        with open(path, "rb") as file:
            text = file.read(_LARGEST).decode("utf-8", "replace")
        first = text.partition("\n")[0]
        if first.startswith("#!"):
            told["python"] = first[2:].strip().split(" ")[0]
        if "\0" not in text:
            told["modules"] = sorted(set(_IMPORT.findall(text)))
    return told


def names_in(path):
    """What a module gives names to at its top, in a `with` or `if` as well."""
    with open(path, "rb") as source:
        tree = ast.parse(source.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name


def module(text):
    """Whether it is there; an attribute counts where its module names it."""
    name, _, attribute = text.partition(":")
    try:
        spec = importlib.util.find_spec(name)
    except ImportError:
        spec = None
    if spec is None:
        return False
    if attribute and (spec.origin or "").endswith(".py"):
        return attribute.partition("(")[0] in set(names_in(spec.origin))
    return True


def answer(asked):
    commands = {name: command(name) for name in asked["commands"]}
    modules = set(asked["modules"])
    for told in commands.values():
        modules.update(told["modules"])
    return {"commands": commands, "modules": {name: module(name) for name in sorted(modules)}}


try:
    reply = answer(json.loads(sys.argv[1]))
except Exception as error:
    reply = {"error": "%s while its entry points were looked for" % type(error).__name__}
json.dump(reply, _ANSWER)
_ANSWER.flush()
