"""The rows that a rolling and a cold upgrade have in common."""

from heat_upgrade_checks.reading.work import State
from heat_upgrade_checks.where.position import Position
from heat_upgrade_checks.where.prohibitions import OLD_DB_SYNC, OLD_SERVICES, OLD_VHOST
from heat_upgrade_checks.where.rules import Kind, MustNot, PhaseGate, Rule
from heat_upgrade_checks.where.schema import At
from heat_upgrade_checks.where.words import in_state


def only_new(position: Position) -> bool:
    """Whether engines of the target release run, and none of the current one."""
    return bool(position.new and not position.old)


SCHEMA_UNKNOWN = Rule(
    "the state of the schema is not known",
    Kind.UNKNOWN,
    lambda p: p.schema.at is At.UNKNOWN,
    lambda w: w.why,
)
UNOBSERVED = Rule(
    "not known, for not everything could be observed",
    Kind.UNKNOWN,
    lambda p: p.unknown,
    lambda w: w.unknown,
)
ASTRAY = Rule(
    "an engine works on a vhost that is neither release's, or on several",
    Kind.REPAIR,
    lambda p: p.astray,
    lambda w: (
        f"Stop engine {w.astray}, correct its transport_url and start it again, on vhost "
        f"{w.old_vhost} if it runs {w.old} and on {w.new_vhost} if it runs {w.new}"
    ),
    must_not=(
        MustNot(
            "Do not take another step before: what this engine works on is seen on neither "
            "release's side."
        ),
        OLD_VHOST,
    ),
)
ALL_NEW = (
    Rule(
        lambda w: f"all engines run {w.new}, and an API was left without an engine",
        Kind.REPAIR,
        lambda p: only_new(p) and p.apart and p.apis_on(p.current.vhost),
        lambda w: (
            f"Move {w.old_apis} from vhost {w.old_vhost} onto {w.new_vhost} at once, for nobody "
            "answers its requests"
        ),
        must_not=(
            MustNot(
                "Do not leave it in the load balancer: its /healthcheck is green without an engine."
            ),
            OLD_VHOST,
        ),
    ),
    Rule(
        lambda w: f"all engines run {w.new}, and work was lost",
        Kind.REPAIR,
        lambda p: only_new(p) and in_state(p.live_work, State.LOST),
        lambda w: f"Help what nobody works on any more, {w.lost}",
        must_not=(OLD_VHOST, OLD_DB_SYNC),
    ),
    Rule(
        lambda w: f"all engines run {w.new}, and whether work was lost is not known",
        Kind.UNKNOWN,
        lambda p: only_new(p) and in_state(p.live_work, State.UNCERTAIN),
        lambda w: f"whether somebody works on it is not known: {w.uncertain}; ask again",
    ),
    Rule(
        lambda w: f"all engines run {w.new} (rolling 8, cold 6)",
        Kind.SAFE,
        only_new,
        lambda w: (
            f"See that every API runs {w.new}, which the broker does not tell, upgrade or start "
            "each that does not, and let phase post judge"
        ),
        (PhaseGate("post"),),
        (OLD_VHOST, OLD_SERVICES, OLD_DB_SYNC),
    ),
)
