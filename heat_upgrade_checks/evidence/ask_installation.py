# ruff: noqa
# mypy: ignore-errors
"""Runs inside a Heat release's own interpreter (3.8 and later) and answers one JSON object.

It is sent on standard input, with the names of distributions whose versions are answered. It
imports nothing of Heat: what is installed is read from the metadata of the distributions.
"""

import importlib.util
import json
import os
import sys
from importlib import metadata

HEAT = "openstack-heat"


def unmet_requirements(root):
    """What `pip check` would say of the distributions that Heat needs, directly or not."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    unmet, seen, waiting = [], set(), [(root, frozenset())]
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for text in metadata.distribution(name).requires or []:
            requirement = Requirement(text)
            marker = requirement.marker
            if marker and not any(marker.evaluate({"extra": e}) for e in (extras or {""})):
                continue
            try:
                version = metadata.version(requirement.name)
            except metadata.PackageNotFoundError:
                unmet.append((name, requirement.name, str(requirement.specifier), ""))
                continue
            if not requirement.specifier.contains(version, prereleases=True):
                unmet.append((name, requirement.name, str(requirement.specifier), version))
            waiting.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return sorted(set(unmet))


def lost_files(heat):
    """Files of the package that pip put there and that are gone; packagers split off the tests."""
    if heat.read_text("RECORD") is None:
        return []
    return [
        str(path)
        for path in heat.files or []
        if path.parts[0] == "heat"
        and path.suffix == ".py"
        and "tests" not in path.parts
        and not os.path.exists(str(path.locate()))
    ]


def version_of(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def answer(names):
    found = importlib.util.find_spec("heat")
    package = bool(found and found.submodule_search_locations)
    told = {
        "python": "%d.%d.%d" % sys.version_info[:3],
        "version": version_of(HEAT),
        "package": package,
        "requires_python": "",
        "unmet": [],
        "unchecked": "",
        "lost": [],
        "libraries": {name: version_of(name) for name in names},
    }
    if told["version"]:
        heat = metadata.distribution(HEAT)
        told["requires_python"] = heat.metadata["Requires-Python"] or ""
        told["lost"] = lost_files(heat) if package else []
        try:
            told["unmet"] = unmet_requirements(HEAT)
        except ImportError as error:
            told["unchecked"] = "no module named %s" % error.name
    return told


try:
    reply = answer(sys.argv[1:])
except Exception as error:
    reply = {"error": "%s while it was asked what is installed" % type(error).__name__}
print(json.dumps(reply))
