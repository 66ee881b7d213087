"""Do Heat's APIs get answers from its engines?"""

from heat_upgrade_checks.evidence.api.endpoints import Api, Endpoint
from heat_upgrade_checks.evidence.stacks.cfn_signals import CfnSignals
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.wording import counted

_UNHEARD = {"MessagingTimeout", "HTTPServiceUnavailable"}


@check("api.answers", phases=["pre", "vhost", "engine", "post"], guide="prerequisites, rolling 8")
def check_api_answers(api: Api, cfn_signals: CfnSignals, gate: Judgement) -> None:
    """Every endpoint of the API gets an answer from an engine."""
    gate.looked_at(api.extent)
    for endpoint in api.endpoints:
        if _leaves(endpoint, gate):
            if not endpoint.answers:
                gate.note(
                    endpoint.url,
                    "gives no answer of an engine; it is on the host that is taken away next",
                )
        elif endpoint.unseen:
            gate.cannot_tell(endpoint.unseen)
        elif endpoint.error:
            _block(endpoint, gate)
    _judge_last(api, gate)
    if cfn_signals.stacks and not api.has_cfn:
        gate.cannot_tell(
            f"{cfn_signals.stacks} live stacks sign requests to heat-api-cfn, such as "
            f"{cfn_signals.named[0]}, and the catalogue has no endpoint of the type cloudformation "
            "for the cloud's region and interface, so it was not asked; add that endpoint, or set "
            "cloudformation_endpoint_override in clouds.yaml"
        )


def _leaves(endpoint: Endpoint, gate: Judgement) -> bool:
    """Whether it goes with the host, and users are not led to it: it may be out of rotation."""
    return _is_of(endpoint, gate.host) and not endpoint.in_catalogue


def _judge_last(api: Api, gate: Judgement) -> None:
    """Another backend must go on, of those that the plan names."""
    backends = [endpoint for endpoint in api.endpoints if endpoint.backend]
    gone = [endpoint for endpoint in backends if _is_of(endpoint, gate.host)]
    others = [endpoint for endpoint in backends if endpoint not in gone]
    if any(each.answers for each in gone) and not any(each.answers for each in others):
        gate.block(
            gone[0].url,
            f"is the last API that answers of {counted(len(backends), 'backend')} in the plan; "
            "when it is taken away, users have none",
            hint="Bring another one into service first, and name it in api.backends of the plan.",
        )


def _is_of(endpoint: Endpoint, host: str) -> bool:
    return bool(host) and endpoint.host.casefold() == host.casefold()


def _block(endpoint: Endpoint, gate: Judgement) -> None:
    gate.block(
        endpoint.url,
        f"answers {endpoint.status} {endpoint.error} after {endpoint.seconds:.1f} s "
        f"to {endpoint.asked}",
        hint="No engine hears it: compare its transport_url with that of the engines."
        if endpoint.error in _UNHEARD
        else f"Look into the log of {endpoint.program}, and at what stands before it.",
        data={"status": endpoint.status, "error": endpoint.error},
    )
