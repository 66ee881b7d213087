"""Runs inside a Heat release's own interpreter (3.8 and later) and answers one JSON object.

It is sent on standard input, with one JSON object as its argument: `arguments` and `environment`,
the configuration as the release's services are given it. It follows the release's api-paste.ini
from each API down to its parts, as PasteDeploy would, and starts none of them.
"""

import importlib
import json
import logging
import os
import sys

_ANSWER = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
logging.disable(logging.CRITICAL)

_APIS = ("heat-api", "heat-api-cfn")
# Heat's own factories name in these what they make (heat/common/wsgi.py).
_CLASSES = ("heat.app_factory", "heat.filter_factory")


class Walk:
    """What one API is made of: who makes each part, in the order of requests; what is wrong."""

    def __init__(self, path, flavor):
        from paste.deploy import loadwsgi

        self.kinds = {"app": loadwsgi.APP, "filter": loadwsgi.FILTER}
        self.loader = loadwsgi.ConfigLoader(path)
        self.flavor = flavor
        self.parts = {}
        self.problems = []

    def api(self, name):
        """From the API's own section; a flavor may have one of its own (heat/common/config.py)."""
        sections = self.loader.parser.sections()
        for wanted in (name + "-" + self.flavor if self.flavor else name, name):
            if any(section.partition(":")[2] == wanted for section in sections):
                self.part("app", wanted)
                return

    def part(self, kind, name):
        if name in self.parts:
            return
        self.parts[name] = ""
        try:
            context = self.loader.get_context(self.kinds[kind], name=name, global_conf={})
        except LookupError:
            self.problems.append([name, "is named there, but cannot be found"])
            return
        except Exception as error:
            self.problems.append([name, "cannot be loaded: " + reason(error)])
            return
        self.loaded(name, context)

    def loaded(self, name, context):
        made = context.object
        self.parts[name] = "%s:%s" % (
            getattr(made, "__module__", ""),
            getattr(made, "__qualname__", made.__class__.__name__),
        )
        for key in _CLASSES:
            if key in context.local_conf:
                module, _, attribute = context.local_conf[key].partition(":")
                try:
                    getattr(importlib.import_module(module), attribute)
                except Exception as error:
                    self.problems.append([name, "cannot be loaded: " + reason(error)])
        pipeline = self.pipeline(name, context)
        if pipeline is not None:
            if not pipeline:
                self.problems.append([name, "has no pipeline for the flavor of [paste_deploy]"])
            for each in pipeline:
                self.part("app" if each == pipeline[-1] else "filter", each)
        else:
            for key, each in context.local_conf.items():
                if key.startswith("/"):
                    self.part("app", each)

    def pipeline(self, name, context):
        """The names in it; Heat's own kind has one for each flavor (heat/api/__init__.py)."""
        if self.parts[name].endswith(":pipeline_factory"):
            return context.local_conf.get(self.flavor or "default", "").split()
        if self.loader.parser.has_section("pipeline:" + name):
            return self.loader.parser.get("pipeline:" + name, "pipeline").split()
        return None


def reason(error):
    """What is missing; a path of the file that failed is no part of it."""
    missing = getattr(error, "name", None)
    return type(error).__name__ + (" of " + missing if missing else "")


def walk(path, flavor):
    parts, problems = {}, []
    for api in _APIS:
        followed = Walk(path, flavor)
        followed.api(api)
        parts[api] = followed.parts
        problems += [problem for problem in followed.problems if problem not in problems]
    return {"path": path, "parts": parts, "problems": problems}


def answer():
    asked = json.loads(sys.argv[1])
    os.environ.update(asked["environment"])
    from heat.common import config, wsgi  # noqa: F401 - config registers [paste_deploy]
    from oslo_config import cfg

    cfg.CONF(asked["arguments"], project="heat", default_config_files=[], default_config_dirs=[])
    if "paste_deploy" not in cfg.CONF:
        return {"wanted": "", "file": None, "shipped": None}
    wsgi.setup_paste_factories(cfg.CONF)
    wanted, flavor = cfg.CONF.paste_deploy.api_paste_config, cfg.CONF.paste_deploy.flavor
    found = cfg.CONF.find_file(wanted)
    shipped = os.path.join(sys.prefix, "etc", "heat", "api-paste.ini")
    return {
        "wanted": wanted,
        "file": walk(os.path.abspath(found), flavor) if found else None,
        "shipped": walk(shipped, flavor)["parts"] if os.path.isfile(shipped) else None,
    }


try:
    reply = answer()
except Exception as error:
    reply = {"error": "%s while it followed its api-paste.ini" % type(error).__name__}
json.dump(reply, _ANSWER)
_ANSWER.flush()
