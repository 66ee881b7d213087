"""Runs inside a Heat release's own interpreter (3.8 and later) and answers one JSON object.

It is sent on standard input, with one JSON object as its argument: `arguments` and `environment`,
the configuration as the release's services are given it; and `key`. Heat's own enforcer reads the
policy files; what is answered of a rule is a fingerprint of whom it lets in, under that key.
"""

import hashlib
import hmac
import json
import logging
import os
import sys

_ANSWER = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
logging.disable(logging.CRITICAL)


def referenced(check):
    """The rules that a rule refers to."""
    if type(check).__name__ == "RuleCheck":
        yield check.match
    inner = list(getattr(check, "rules", ()))
    if getattr(check, "rule", None) is not None:
        inner.append(check.rule)
    for each in inner:
        yield from referenced(each)


def is_json(path):
    try:
        with open(path, encoding="utf-8") as source:
            json.load(source)
    except (OSError, ValueError):
        return False
    return True


def beside(conf, wanted):
    """A file of the same name in JSON, where the one that is wanted is not there.

    From Wallaby on Heat wants policy.yaml; oslo.policy falls back to policy.json only where its own
    default still stands.
    """
    return conf.find_file(os.path.splitext(wanted)[0] + ".json")


def broken(enforcer):
    """Names of rules that are not written as rules; oslo.policy takes them for `!`."""
    found = []
    for name, rule in enforcer.file_rules.items():
        text = str(rule.check_str).strip() if isinstance(rule.check_str, str) else rule.check_str
        if str(rule.check) == "!" and text != "!":
            found.append(name)
    return found


def printed(rule, key):
    return hmac.new(key, str(rule.check).encode("utf-8"), hashlib.sha256).hexdigest()


def answer():
    asked = json.loads(sys.argv[1])
    os.environ.update(asked["environment"])
    from heat.common import config
    from oslo_config import cfg

    if hasattr(config, "set_config_defaults"):
        config.set_config_defaults()
    cfg.CONF(asked["arguments"], project="heat", default_config_files=[], default_config_dirs=[])
    from heat.common import policy

    enforcer = policy.get_enforcer().enforcer
    wanted = enforcer.policy_file
    unreadable = ""
    try:
        enforcer.load_rules()
    except Exception as error:
        mark = getattr(error.__cause__ or error.__context__ or error, "problem_mark", None)
        unreadable = type(error).__name__ + (" in line %s" % (mark.line + 1) if mark else "")
    key = bytes.fromhex(asked["key"])
    files = enforcer.file_rules
    registered = enforcer.registered_rules
    used = {name for rule in enforcer.rules.values() for name in referenced(rule)}
    path = enforcer.policy_path or ""
    unread = "" if path else beside(cfg.CONF, wanted) or ""
    return {
        "wanted": wanted,
        "path": path,
        "is_json": bool(path) and is_json(path),
        "unread": unread,
        "unreadable": unreadable,
        "rules": len(files),
        "unknown": sorted(name for name in files if name not in registered and name not in used),
        "undefined": sorted(used - set(enforcer.rules) - set(registered)),
        "redundant": sorted(
            name for name, rule in files.items() if name in registered and rule == registered[name]
        ),
        "broken": sorted(broken(enforcer)),
        "overrides": {name: printed(rule, key) for name, rule in files.items()},
        "registered": {name: printed(rule, key) for name, rule in registered.items()},
        # oslo.policy 6 has no such option and always enforces the scope.
        "enforce_scope": bool(getattr(cfg.CONF.oslo_policy, "enforce_scope", True)),
        "enforce_new_defaults": bool(cfg.CONF.oslo_policy.enforce_new_defaults),
    }


try:
    reply = answer()
except Exception as error:
    reply = {"error": "%s while it was asked for its policies" % type(error).__name__}
json.dump(reply, _ANSWER)
_ANSWER.flush()
