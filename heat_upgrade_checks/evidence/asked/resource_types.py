"""Runs inside a Heat release's own interpreter (3.8 and later) and answers one JSON object.

It is sent on standard input, with oslo.config's arguments for the release's configuration, and has
Heat itself load its resource types, so what lies in plugin_dirs and environment_dir counts.
"""

import json
import logging
import os
import sys
import traceback

# Plugins may print; only the answer goes to standard output.
_ANSWER = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


class Errors(logging.Handler):
    """What Heat logs as an error while it loads: it goes on without an environment that is bad."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.said = []

    def emit(self, record):
        self.said.append(record.getMessage())


def registry():
    """The global registry of resource types, loaded as heat-engine does when it starts."""
    from heat.common import config  # noqa: F401 - registers plugin_dirs and environment_dir
    from heat.engine import resources
    from oslo_config import cfg

    cfg.CONF(sys.argv[1:], project="heat", default_config_files=[], default_config_dirs=[])
    return resources.global_env().registry


def names(known):
    """Every name; a wildcard such as A::* for B::* stands for one name per type of B."""
    found = {name for name in known if name != "resources"}
    for name in list(found):
        value = getattr(known[name], "value", None)
        if name.endswith("*") and isinstance(value, str) and value.endswith("*"):
            found.remove(name)
            found.update(
                name[:-1] + other[len(value) - 1 :]
                for other in known
                if other.startswith(value[:-1]) and not other.endswith("*")
            )
    return sorted(found)


def describe(types):
    """What each name stands for: "placeholder", or its support status."""
    from heat.common import exception
    from heat.engine.resources.openstack.heat import none_resource

    described = {}
    for name in names(dict(types._registry)):
        try:
            found = types.get_class_to_instantiate(name)
        except exception.StackValidationFailed:
            continue  # an alias of a type that is not there
        replaced = name != "OS::Heat::None" and issubclass(found, none_resource.NoneResource)
        described[name] = "placeholder" if replaced else found.support_status.status
    return described


def place(error):
    """The file that broke, rather than one of the loader's."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename[:1] != "<"]
    return getattr(error, "filename", None) or frames[-1].filename


errors = Errors()
logging.getLogger("heat").addHandler(errors)
types = {}
try:
    types = describe(registry())
except Exception as error:
    errors.said.append("%s in %s" % (type(error).__name__, place(error)))
json.dump({"types": types, "problems": errors.said}, _ANSWER)
_ANSWER.flush()
