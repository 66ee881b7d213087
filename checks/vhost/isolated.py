from heat_upgrade_checks.evidence.broker.connections import Connections, VhostClients
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.gates.earlier_gates import EarlierGate, EarlierGates
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.clients import Role, programs
from heat_upgrade_checks.reading.isolation import isolation_of
from heat_upgrade_checks.reading.placement import Engine, Placement, not_told, releases_by_host
from heat_upgrade_checks.wording import counted


@check(
    "vhost.isolated", phases=["vhost", "engine", "last-engine", "post"], guide="rolling 4, 5, 7, 8"
)
def check_releases_are_on_their_own_vhosts(
    current_configuration: Configuration,
    target_configuration: Configuration,
    placement: Placement,
    connections: Connections,
    earlier_gates: EarlierGates,
    gate: Judgement,
) -> None:
    """Every live engine is on the vhost of its release and on no other."""
    if gate.mode == "cold":
        gate.not_applicable("in a cold upgrade the two releases never run at the same time")
    if isolation_of(gate.plan, current_configuration, target_configuration).settled().shared:
        gate.not_applicable("both releases share a vhost; see vhost.rpc-compatible")
    old, new = current_configuration, target_configuration
    gate.looked_at(
        f"{counted(len(placement.engines), 'live engine')}; vhost {old.vhost} of the current and "
        f"{new.vhost} of the target release; {connections.extent}"
    )
    vhosts = {"current": old.vhost, "target": new.vhost}
    expected = {
        host: (release, vhosts[release])
        for host, release in releases_by_host(gate.plan, old, new).items()
    }
    # The one after which the first engine of the target release was started.
    begun = earlier_gates.opened("vhost") if gate.phase in {"engine", "last-engine"} else None
    for engine in placement.engines:
        _judge(engine, old, new, expected.get(engine.host.casefold()), begun, gate)
    for listener in placement.strangers_of({old.vhost, new.vhost}):
        gate.warn(
            f"engine {listener.engine_id}",
            f"listens on vhost {listener.vhost}, but no live service row knows it",
            hint="It is starting, ending, or of another database; find its process and end it "
            "if it belongs to no one.",
        )
    for listener in placement.uncounted:
        if listener.vhost in {old.vhost, new.vhost}:
            gate.cannot_tell(not_told(listener))
    if connections.new is not None:
        _name_strangers(connections.new, gate)


def _name_strangers(side: VhostClients, gate: Judgement) -> None:
    for program in programs(side, Role.OTHER, Role.UNKNOWN):
        gate.warn(
            str(program),
            f"{program.extent} to vhost {side.vhost}; it is not known as Heat's",
            hint="Find out what it is; the new vhost is the target release's own.",
            data=program.data,
        )


def _judge(
    engine: Engine,
    old: Configuration,
    new: Configuration,
    expected: tuple[str, str] | None,
    begun: EarlierGate | None,
    gate: Judgement,
) -> None:
    data = {"engine_id": engine.engine_id, "host": engine.host, "vhosts": list(engine.vhosts)}
    stop = "Stop it now, correct its transport_url, then start it again."
    if not engine.vhosts:
        gate.cannot_tell(
            f"engine {engine} reports, but listens on no vhost that the broker shows this account; "
            "it may be ending or have lost the broker: look into its log, then run this again"
        )
    elif len(engine.vhosts) > 1:
        vhosts = ", ".join(engine.vhosts)
        gate.block(f"engine {engine}", f"listens on several vhosts: {vhosts}", hint=stop, data=data)
    elif expected and engine.vhosts[0] != expected[1]:
        gate.block(
            f"engine {engine}",
            f"of the {expected[0]} release works on vhost {engine.vhosts[0]}, not {expected[1]}",
            hint=stop,
            data=data,
        )
    elif engine.vhosts[0] not in {old.vhost, new.vhost}:
        gate.block(
            f"engine {engine}",
            f"works on vhost {engine.vhosts[0]}, which is neither {old.vhost} nor {new.vhost}",
            hint=stop,
            data=data,
        )
    elif expected:
        return
    elif begun and engine.vhosts[0] == old.vhost and engine.started_at > begun.finished_at:
        gate.block(
            f"engine {engine}",
            f"was started on vhost {old.vhost} at {engine.started_at:%Y-%m-%d %H:%M:%S} UTC, after "
            "phase vhost; from then on only engines of the target release are",
            hint=f"If it is of the target release: stop it now, name vhost {new.vhost} in its "
            "transport_url, then start it again. An engine of the current release that was only "
            "restarted needs a waiver.",
            data=data,
        )
    elif engine.host not in {*gate.plan.current.engines} & {*gate.plan.target.engines}:
        gate.note(
            f"engine {engine}",
            f"is on vhost {engine.vhosts[0]}; nothing names the release it should run",
            hint="List the engines' hosts as current.engines and target.engines in the plan.",
            data=data,
        )
