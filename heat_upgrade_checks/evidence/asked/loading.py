"""Runs inside a Heat release's own interpreter (3.8 and later) and answers one JSON object.

It is sent on standard input, with the drivers that the configuration names, a JSON list of pairs of
a kind and a name, and the seconds after which what still loads counts as hung. It loads what Heat's
services load when they start, and starts nothing: no configuration is read, no connection made, no
logging set up.
"""

import importlib
import json
import os
import re
import signal
import sys
import traceback
from importlib import metadata

# What is loaded may print; only the answer goes to standard output.
_ANSWER = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
_HUNG_AFTER = int(sys.argv[2])
HEAT = "openstack-heat"

# What heat/cmd/engine.py and the applications of api-paste.ini load beyond the entry points.
_MODULES = (
    "heat.engine.service",
    "heat.engine.worker",
    "heat.engine.resources",
    "heat.api.openstack.v1",
    "heat.api.cfn.v1",
)
_COMMANDS = ("console_scripts", "wsgi_scripts")
# Only these words of an import error name nothing but modules and their parts.
_SAFE = (
    r"No module named '[\w.]+'",
    r"cannot import name '\w+' from (partially initialized module )?'[\w.]+'",
    r"[\w.+-]+: cannot open shared object file: No such file or directory",
)


class TooLong(BaseException):
    pass


def too_long(*_):
    raise TooLong()


def place(error):
    """The file and line that broke, rather than one of the loader's."""
    if isinstance(error, SyntaxError):
        return "%s:%s" % (error.filename, error.lineno)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename[:1] != "<"]
    own = [f for f in frames if "importlib" not in f.filename.split(os.sep)]
    return "%s:%s" % (own[-1].filename, own[-1].lineno) if own else ""


def words(error):
    """What is wrong; other texts than an import error's may hold anything, and stay here."""
    name = type(error).__name__
    if isinstance(error, NoPlugin):
        return "nothing of this name is installed"
    if isinstance(error, ImportError):
        for pattern in _SAFE:
            found = re.match(pattern, str(error))
            if found:
                return "%s: %s" % (name, found.group(0))
    return name


class Loading:
    def __init__(self):
        self.loaded = 0
        self.late = ""
        self.failures = []
        self.failed = {}

    def load(self, kind, name, module, function):
        """Load something of a module; one that failed is not loaded anew for each of its parts."""
        failure = self.failed.get(module)
        if failure is None:
            try:
                function()
            except TooLong:
                self.late = name
                raise
            except BaseException as error:
                failure = {
                    "error": words(error),
                    "module": getattr(error, "name", None) or "",
                    "place": place(error),
                }
                if module:
                    self.failed[module] = failure
        if failure is None:
            self.loaded += 1
        else:
            self.failures.append(dict(failure, kind=kind, name=name))


def entry_points():
    """Heat's own commands, and every plugin that Heat looks for; (kind, name, entry point)."""
    heat = metadata.distribution(HEAT)
    # The engine's command first: what it loads depends on what was loaded before.
    own = sorted(heat.entry_points, key=lambda each: (each.name != "heat-engine", each.name))
    for each in own:
        if each.group in _COMMANDS:
            yield "command", each.name, each
    seen = set()
    for distribution in metadata.distributions():
        for each in distribution.entry_points:
            if each.group.startswith("heat.") and each not in seen:
                seen.add(each)
                yield each.group, each.name, each
    for each in own:
        if each.group.startswith("oslo.") and each.name.partition(".")[0] == "heat":
            yield each.group, each.name, each


def patch():
    """What Heat's commands up to 2025.1 do first; it is left out where they are loaded ahead."""
    with open(sys.modules["heat.cmd.engine"].__file__, "rb") as source:
        if b"monkey_patch" not in source.read():
            return
    from eventlet import patcher

    patcher.monkey_patch()


class NoPlugin(Exception):
    pass


def named(group, name):
    found = metadata.entry_points()
    listed = found.select(group=group) if hasattr(found, "select") else found.get(group, ())
    for each in listed:
        if each.name == name:
            return each.load()
    raise NoPlugin()


def database(name):
    from sqlalchemy.engine.url import make_url

    dialect = make_url(name + "://").get_dialect()
    # SQLAlchemy 2 calls it import_dbapi.
    (dialect.import_dbapi if hasattr(dialect, "import_dbapi") else dialect.dbapi)()


def cache(name):
    """A backend of dogpile.cache; its client library is loaded no earlier than it is made."""
    if name.startswith("dogpile."):
        from dogpile.cache.region import _backend_loader

        backend = _backend_loader.load(name)
    else:
        backend = named("dogpile.cache", name)
    if hasattr(backend, "_imports"):
        backend._imports(object.__new__(backend))


def attribute(name):
    module, _, last = name.rpartition(".")
    getattr(importlib.import_module(module), last)


_DRIVERS = {
    "database": database,
    "messaging": lambda name: named("oslo.messaging.drivers", name),
    "notifications": lambda name: named("oslo.messaging.notify.drivers", name),
    "cache": cache,
    "authentication": lambda name: named("keystoneauth1.plugin", name),
    "class": attribute,
    "module": importlib.import_module,
}


def load_everything(drivers):
    loading = Loading()
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(_HUNG_AFTER)
    engine = False
    try:
        for kind, name, point in entry_points():
            engine = engine or (kind == "command" and name == "heat-engine")
            loading.load(kind, name, point.value.partition(":")[0], point.load)
        for name in _MODULES:
            loading.load("module", name, name, lambda: importlib.import_module(name))  # noqa: B023 - called at once
        for kind, name in drivers:
            loading.load("driver " + kind, name, "", lambda: _DRIVERS[kind](name))  # noqa: B023
        if "heat.cmd.engine" in sys.modules:
            loading.load("command", "heat-engine", "eventlet", patch)
    except TooLong:
        pass
    signal.alarm(0)
    told = {"loaded": loading.loaded, "failures": loading.failures, "engine": engine}
    if loading.late and not loading.failures:
        return {"error": "%s is not loaded within %d s" % (loading.late, _HUNG_AFTER)}
    return told


try:
    reply = load_everything(json.loads(sys.argv[1]))
except metadata.PackageNotFoundError:
    reply = {"loaded": 0, "failures": [], "engine": False}
except Exception as error:
    reply = {"error": "%s while its code was loaded" % type(error).__name__}
json.dump(reply, _ANSWER)
_ANSWER.flush()
