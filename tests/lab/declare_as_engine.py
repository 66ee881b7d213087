"""Runs in Heat's interpreter: listens as a heat-engine does, says READY or DIED, and waits.

Arguments: a configuration file, a folder for locks.
"""

import os
import sys

import oslo_messaging
from oslo_concurrency import lockutils
from oslo_config import cfg

ENGINE_ID = "11111111-1111-4111-8111-111111111111"


class _Endpoint:
    target = oslo_messaging.Target(version="1.0")


def _listen(configuration: str) -> None:
    conf = cfg.ConfigOpts()
    conf(["--config-file", configuration], project="heat", default_config_dirs=[])
    oslo_messaging.set_transport_defaults("heat")
    transport = oslo_messaging.get_rpc_transport(conf)
    for topic, server in (
        ("engine", "ctl1"),
        ("engine_worker", ENGINE_ID),
        ("heat-engine-listener", ENGINE_ID),
    ):
        target = oslo_messaging.Target(topic=topic, server=server)
        oslo_messaging.get_rpc_server(
            transport, target, [_Endpoint()], executor="threading"
        ).start()
    # What a call does first: make the queue for its answer.
    transport._driver._get_reply_q()


if __name__ == "__main__":
    lockutils.set_defaults(sys.argv[2])
    try:
        _listen(sys.argv[1])
    except Exception as error:
        print("DIED", " ".join(str(error).split()), flush=True)
    else:
        print("READY", flush=True)
    sys.stdin.read()
    # Servers still wait in threads of their own.
    os._exit(0)
