"""Runs inside a Heat release's own interpreter (3.8 and later) and answers one JSON object.

It is sent on standard input, with one JSON object as its argument: `arguments` and `environment`,
the configuration as the release's services are given it. keystoneauth makes of `[trustee]` what
Heat would use a trust with, up to the request that it would send; nothing is sent.
"""

import importlib
import json
import logging
import os
import sys

_ANSWER = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
logging.disable(logging.CRITICAL)

_TRUST = "0" * 32
_LONGEST_TOLD = 200
_NAMING_OPTIONS = ("AuthorizationFailure", "MissingRequiredOptions")


class Sent(Exception):
    """The account was good for a request."""


class NoSession:
    """Stands for keystoneauth's session, and ends whatever would be asked."""

    def __getattr__(self, name):
        raise Sent


def refused(conf, group):
    """Why Heat can use no trust with the account, in words that complete a sentence, or nothing."""
    from keystoneauth1 import loading

    try:
        # heat/common/context.py, RequestContext.trusts_auth_plugin
        plugin = loading.load_auth_from_conf_options(conf, group, trust_id=_TRUST)
        if plugin is None:
            return "names no auth_type"
        if hasattr(plugin, "create_plugin"):
            plugin = plugin.create_plugin(NoSession(), (3, 0), plugin.auth_url)
        plugin.get_auth_ref(NoSession())
    except Sent:
        return ""
    except Exception as error:
        return "is refused by keystoneauth: " + reason(error)
    return ""


def reason(error):
    """Its own words where they name options; others hold values."""
    name = type(error).__name__
    if name in _NAMING_OPTIONS:
        return "%s (%s)" % (name, " ".join(str(error).split())[:_LONGEST_TOLD])
    return name


def answer():
    asked = json.loads(sys.argv[1])
    os.environ.update(asked["environment"])
    from heat.common import config, context  # noqa: F401 - they register what is asked for
    from oslo_config import cfg

    cfg.CONF(asked["arguments"], project="heat", default_config_files=[], default_config_dirs=[])
    try:
        # So does Heat's client of Keystone, and [trustee] may refer to its section.
        importlib.import_module("keystonemiddleware.auth_token")
    except ImportError:
        pass
    uses_trusts = cfg.CONF.deferred_auth_method == "trusts"
    return {
        "uses_trusts": uses_trusts,
        "refused": refused(cfg.CONF, context.TRUSTEE_CONF_GROUP) if uses_trusts else "",
    }


try:
    reply = answer()
except Exception as error:
    reply = {"error": "%s while it was asked for its trustee" % type(error).__name__}
json.dump(reply, _ANSWER)
_ANSWER.flush()
