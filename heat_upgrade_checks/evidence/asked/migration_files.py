"""Runs inside a Heat release's own interpreter (3.8 and later) and answers one JSON object.

It is sent on standard input, imports nothing of Heat, and answers the text of its migrations.
"""

import importlib.util
import json
import os


def folder(heat):
    """Alembic's files, or sqlalchemy-migrate's (Zed and 2023.1)."""
    alembic = os.path.join(heat, "db", "migrations", "versions")
    numbered = os.path.join(heat, "db", "sqlalchemy", "migrate_repo", "versions")
    return alembic if os.path.isdir(alembic) else numbered


def text(path):
    with open(path, encoding="utf-8") as source:
        return source.read()


def answer():
    found = importlib.util.find_spec("heat")
    if found is None or not found.submodule_search_locations:
        return {"error": "Heat is not installed there"}
    where = folder(found.submodule_search_locations[0])
    if not os.path.isdir(where):
        return {"error": "Heat is installed there without its migrations"}
    names = [name for name in sorted(os.listdir(where)) if name.endswith(".py")]
    return {"files": {n: text(os.path.join(where, n)) for n in names if n != "__init__.py"}}


try:
    reply = answer()
except Exception as error:
    reply = {"error": "%s while its migrations were read" % type(error).__name__}
print(json.dumps(reply))
