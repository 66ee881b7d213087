"""Does Heat's API get answers from its engines?"""

from heat_upgrade_checks.evidence.api.endpoints import Api
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check

_HTTP_OK = 200


@check("api.answers", phases=["pre", "vhost", "engine", "post"], guide="prerequisites, rolling 8")
def check_api_answers(api: Api, gate: Judgement) -> None:
    """Every endpoint of the API gets an answer from an engine."""
    gate.looked_at(api.extent)
    for endpoint in api.endpoints:
        if endpoint.status != _HTTP_OK:
            gate.block(
                endpoint.url,
                f"answers {endpoint.status} {endpoint.error} after {endpoint.seconds:.1f} s "
                "to a list of one stack",
                hint="No engine hears it: compare its transport_url with that of the engines."
                if endpoint.error in {"MessagingTimeout", "HTTPServiceUnavailable"}
                else "Look into the log of heat-api.",
                data={"status": endpoint.status, "error": endpoint.error},
            )
