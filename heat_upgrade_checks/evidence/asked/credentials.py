"""Runs inside a Heat release's own interpreter (3.8 and later) and answers one JSON object.

It is sent on standard input, with one JSON object as its argument:

- `arguments`, `environment`: the configuration, as the release's services are given it
- `values`: encrypted values, each with its `column`, its `method` and its `text`
- `key`: for fingerprints

Heat's own code decrypts each; only what became of it is answered: "read", "refused", or, where any
key would make something of it, a fingerprint, so that two releases can be compared.
"""

import hashlib
import hmac
import json
import logging
import os
import re
import sys

_ANSWER = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
logging.disable(logging.CRITICAL)

# The one method that detects a wrong key; older ones make something of any text.
_AUTHENTICATED = "cryptography_decrypt_v1"
_METHODS = (_AUTHENTICATED, "oslo_decrypt_v1", "heat_decrypt")
# Keystone's ids are 32 hexadecimal digits.
_TRUST = re.compile("[0-9a-f]{32}")


def values(each):
    """Pairs of method and text; `data` is a JSON object of such pairs (crypt.encrypted_dict)."""
    if each["column"] != "data":
        return [(each["method"], each["text"])]
    stored = json.loads(each["text"])
    return [(method, text) for method, text in (stored or {}).values()]


def judge(crypt, key, column, method, text):
    if method not in _METHODS or not hasattr(crypt, method):
        return "refused"
    try:
        found = crypt.decrypt(method, text)
    except Exception:
        return "refused"
    if method == _AUTHENTICATED:
        return "read"
    if column == "trust_id" and _TRUST.fullmatch(found or ""):
        return "read"
    return hmac.new(key, (found or "").encode("utf-8"), hashlib.sha256).hexdigest()


def worst(crypt, key, each):
    try:
        pairs = values(each)
    except (ValueError, TypeError, AttributeError):
        return "refused"
    said = [judge(crypt, key, each["column"], method, text) for method, text in pairs]
    if "refused" in said:
        return "refused"
    return " ".join(word for word in said if word != "read") or "read"


def answer():
    asked = json.loads(sys.argv[1])
    os.environ.update(asked["environment"])
    from heat.common import crypt
    from oslo_config import cfg

    cfg.CONF(asked["arguments"], project="heat", default_config_files=[], default_config_dirs=[])
    key = bytes.fromhex(asked["key"])
    return {"became": [worst(crypt, key, each) for each in asked["values"]]}


try:
    reply = answer()
except Exception as error:
    reply = {"error": "%s while it was asked to decrypt" % type(error).__name__}
json.dump(reply, _ANSWER)
_ANSWER.flush()
