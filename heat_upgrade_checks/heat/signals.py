"""Which resources wait for a signal from outside Heat, and for how long."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heat_upgrade_checks.heat.templates import Definition, literal

# heat/engine/resources/openstack/heat/wait_condition.py and swiftsignal.py, aws/cfn/
# wait_condition.py: the property with the timeout in seconds, and the actions that wait.
_CONDITIONS = {
    "OS::Heat::WaitCondition": ("timeout", {"CREATE", "UPDATE"}),
    "AWS::CloudFormation::WaitCondition": ("Timeout", {"CREATE", "UPDATE"}),
    "OS::Heat::SwiftSignal": ("timeout", {"CREATE"}),
}
# software_deployment.py, structured_config.py. Their groups are no part of this: a group is a
# nested stack, whose members are of these types and wait.
_DEPLOYMENTS = {"OS::Heat::SoftwareDeployment", "OS::Heat::StructuredDeployment"}
_DEPLOYING = {"CREATE", "UPDATE", "DELETE", "SUSPEND", "RESUME"}


@dataclass(frozen=True)
class SignalWait:
    """A wait for a signal: in which actions, and its own timeout in seconds.

    `timeout` is None where there is none, or where it is known only to a running engine.
    """

    actions: frozenset[str]
    timeout: float | None


def signal_wait(
    resource_type: str, definition: Definition, parameters: Mapping[str, Any]
) -> SignalWait | None:
    """How a resource of this resolved type waits for a signal, or None where it does not.

    A deployment may be set to act in fewer actions than it is taken to wait in; those it leaves
    out take no time.
    """
    if resource_type in _CONDITIONS:
        timeout, actions = _CONDITIONS[resource_type]
        value = literal(definition.properties.get(timeout), parameters)
        return SignalWait(frozenset(actions), _seconds(value))
    if resource_type in _DEPLOYMENTS:
        transport = literal(definition.properties.get("signal_transport"), parameters)
        return None if transport == "NO_SIGNAL" else SignalWait(frozenset(_DEPLOYING), None)
    return None


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None
