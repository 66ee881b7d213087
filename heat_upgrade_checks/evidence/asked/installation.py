"""Runs inside a Heat release's own interpreter (3.8 and later) and answers one JSON object.

It is sent on standard input, with the names of distributions whose versions are answered. It
imports nothing of Heat: what is installed is read from the metadata of the distributions.
"""

import importlib.util
import json
import os
import re
import sys
from importlib import metadata

HEAT = "openstack-heat"


def normalised(name):
    """A distribution's name as PEP 503 compares them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed():
    """The distributions and their versions, by normalised name.

    Before 3.10, importlib.metadata finds them by the spelling of their folder only. The first one
    on sys.path is the one that counts; one without readable metadata is none.
    """
    found, versions = {}, {}
    for distribution in metadata.distributions():
        try:
            told = distribution.metadata
            name, version = told["Name"], told["Version"]
        except (TypeError, KeyError, OSError):
            continue
        if name and version and normalised(name) not in found:
            found[normalised(name)], versions[normalised(name)] = distribution, version
    return found, versions


def unmet_requirements(root, found, versions):
    """What `pip check` would say of the distributions that Heat needs, directly or not."""
    from packaging.requirements import Requirement

    unmet, seen, waiting = [], set(), [(root, frozenset())]
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for text in found[name].requires or []:
            requirement = Requirement(text)
            marker = requirement.marker
            if marker and not any(marker.evaluate({"extra": e}) for e in (extras or {""})):
                continue
            needed = normalised(requirement.name)
            version = versions.get(needed, "")
            if not version or not requirement.specifier.contains(version, prereleases=True):
                unmet.append((name, requirement.name, str(requirement.specifier), version))
            if version:
                waiting.append((needed, frozenset(requirement.extras)))
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


def answer(names):
    found, versions = installed()
    module = importlib.util.find_spec("heat")
    package = bool(module and module.submodule_search_locations)
    told = {
        "python": "%d.%d.%d" % sys.version_info[:3],
        "version": versions.get(HEAT, ""),
        "package": package,
        "requires_python": "",
        "unmet": [],
        "unchecked": "",
        "lost": [],
        "libraries": {name: versions.get(normalised(name), "") for name in names},
    }
    if told["version"]:
        heat = found[HEAT]
        told["requires_python"] = heat.metadata["Requires-Python"] or ""
        told["lost"] = lost_files(heat) if package else []
        try:
            told["unmet"] = unmet_requirements(HEAT, found, versions)
        except ImportError as error:
            told["unchecked"] = "no module named %s" % error.name
    return told


try:
    reply = answer(sys.argv[1:])
except Exception as error:
    reply = {"error": "%s while it was asked what is installed" % type(error).__name__}
print(json.dumps(reply))
