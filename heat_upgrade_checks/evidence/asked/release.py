"""Runs inside a Heat release's own interpreter (3.8 and later) and answers one JSON object.

It is sent on standard input, imports nothing of Heat, and reads what the release's files say.
"""

import ast
import importlib.util
import json
import os
import re
import sys

try:
    from importlib import metadata
except ImportError:  # pragma: no cover - Python 3.7 and older
    print(json.dumps({"error": "its Python is older than 3.8"}))
    sys.exit(0)


def constant(path, class_name, name):
    """A class's constant, read from its source: importing it would load the whole engine."""
    with open(path, "rb") as source:
        tree = ast.parse(source.read())
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            for statement in node.body:
                names = [getattr(t, "id", "") for t in getattr(statement, "targets", [])]
                if name in names and isinstance(statement.value, ast.Constant):
                    return statement.value.value
    return ""


def module_constants(path):
    """The literal values that a module gives to names at its top level."""
    with open(path, "rb") as source:
        tree = ast.parse(source.read())
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                try:
                    found[getattr(target, "id", "")] = ast.literal_eval(node.value)
                except ValueError:
                    pass
    return found


def alembic_heads(folder):
    """The revisions that no other one follows: alembic's definition of a head."""
    revisions, followed = set(), set()
    for name in os.listdir(folder):
        if not name.endswith(".py") or name == "__init__.py":
            continue
        constants = module_constants(os.path.join(folder, name))
        revisions.add(constants["revision"])
        previous = constants["down_revision"] or ()
        followed.update([previous] if isinstance(previous, str) else previous)
    return sorted(revisions - followed)


def schema_heads(folder):
    """Alembic's heads, or the last number of sqlalchemy-migrate's files (Zed and 2023.1)."""
    revisions = os.path.join(folder, "db", "migrations", "versions")
    numbered = os.path.join(folder, "db", "sqlalchemy", "migrate_repo", "versions")
    if os.path.isdir(revisions):
        return {"alembic": alembic_heads(revisions)}
    if os.path.isdir(numbered):
        found = (re.match(r"(\d+)_.*\.py$", name) for name in os.listdir(numbered))
        return {"migrate": max(int(match.group(1)) for match in found if match)}
    return {}


def answer():
    try:
        version = metadata.version("openstack-heat")
    except metadata.PackageNotFoundError:
        return {"error": "openstack-heat is not installed there"}
    found = importlib.util.find_spec("heat")
    if found is None or not found.submodule_search_locations:
        return {"error": "openstack-heat is installed there without its package heat"}
    folder = found.submodule_search_locations[0]
    engine = os.path.join(folder, "engine")
    return {
        "version": version,
        "python": "%d.%d.%d" % sys.version_info[:3],
        "heads": schema_heads(folder),
        "engine_rpc": constant(
            os.path.join(engine, "service.py"), "EngineService", "RPC_API_VERSION"
        ),
        "worker_rpc": constant(
            os.path.join(engine, "worker.py"), "WorkerService", "RPC_API_VERSION"
        ),
    }


try:
    reply = answer()
except Exception as error:
    reply = {"error": "%s while it was asked" % type(error).__name__}
print(json.dumps(reply))
