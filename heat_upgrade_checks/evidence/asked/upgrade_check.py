"""Runs inside a Heat release's own interpreter (3.8 and later) and answers one JSON object.

It is sent on standard input, with the seconds that it may take and oslo.config's arguments for the
release's configuration, and runs `heat-status upgrade check` with these and no other configuration.
"""

import contextlib
import io
import json
import os
import signal
import sys
from importlib import metadata

# Libraries may print as well; only the answer goes to standard output.
_ANSWER = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def command():
    for each in metadata.distribution("openstack-heat").entry_points:
        if each.group == "console_scripts" and each.name == "heat-status":
            return each
    return None


def only_given_files():
    """oslo.config would read /etc/heat beside what it is given."""
    config = sys.modules.get("oslo_config.cfg")
    if config:
        config.find_config_files = config.find_config_dirs = lambda *_, **__: []


def run(point):
    """Its exit code and text."""
    # oslo_upgradecheck takes the arguments when it is imported.
    sys.argv = ["heat-status", *sys.argv[1:], "upgrade", "check"]
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        main = point.load()
        only_given_files()
        try:
            code = main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return {"exit_code": int(code or 0), "text": text.getvalue()}


signal.alarm(int(sys.argv.pop(1)))
try:
    point = command()
    reply = run(point) if point else {"error": "it has no command heat-status"}
except metadata.PackageNotFoundError:
    reply = {"error": "openstack-heat is not installed there"}
except Exception as error:
    reply = {"error": "heat-status broke with %s" % type(error).__name__}
json.dump(reply, _ANSWER)
_ANSWER.flush()
