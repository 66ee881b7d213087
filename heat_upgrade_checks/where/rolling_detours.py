"""What comes before the points of a rolling upgrade: what is not known, and how it was left."""

from heat_upgrade_checks.where.both_modes import (
    ASTRAY,
    SCHEMA_UNKNOWN,
    UNOBSERVED,
    only_new,
)
from heat_upgrade_checks.where.prohibitions import (
    API_AHEAD,
    DB_SYNC_BESIDE_NEW,
    KEEP_OLD,
    NEW_ENGINE,
    NEW_ON_OLD_VHOST,
    NEW_ON_SHARED_VHOST,
    OLD_DB_SYNC,
    OLD_VHOST,
)
from heat_upgrade_checks.where.rules import Kind, MustNot, PhaseGate, Rule
from heat_upgrade_checks.where.schema import At
from heat_upgrade_checks.where.words import Words


def no_count(w: Words) -> str:
    """That what waits for the old engines is not known, and why."""
    return (
        f"the broker does not say how many messages the queues of vhost {w.old_vhost} hold; find "
        "out why a queue is not running, or enable its statistics"
    )


DETOURS = (
    UNOBSERVED,
    Rule(
        "both configurations name one vhost",
        Kind.REPAIR,
        lambda p: p.installed and p.contradicted and p.shared,
        lambda w: (
            f"Name a vhost of its own in the transport_url of {w.new}'s configuration, for both "
            f"name {w.old_vhost}, or set broker.isolation: shared in the plan"
        ),
        (PhaseGate("installed"),),
        (
            MustNot(
                lambda w: (
                    f"Do not start an engine of {w.new}: it would share the queues of {w.old}, "
                    "which the plan rules out."
                )
            ),
        ),
    ),
    Rule(
        "the configurations name two vhosts, the plan says that they share one",
        Kind.REPAIR,
        lambda p: p.installed and p.contradicted and not p.shared,
        lambda w: (
            f"Set broker.isolation: vhost in the plan, for {w.old} is configured for vhost "
            f"{w.old_vhost} and {w.new} for {w.new_vhost}, or name {w.old_vhost} in the "
            f"transport_url of {w.new}"
        ),
        must_not=(
            MustNot(
                lambda w: (
                    f"Do not start an engine of {w.new} before: nobody can tell on which vhost it "
                    "belongs."
                )
            ),
        ),
    ),
    Rule(
        lambda w: f"whether {w.old} and {w.new} may share a vhost is not known",
        Kind.UNKNOWN,
        lambda p: p.shared and p.installed and not all(p.worker_rpc),
        lambda w: (
            "the worker RPC version of one release is not known, so neither is whether they "
            f"understand each other on vhost {w.old_vhost}; give current.python and target.python "
            "in the plan"
        ),
    ),
    ASTRAY,
    Rule(
        "which release runs is not known",
        Kind.UNKNOWN,
        lambda p: p.untold and not p.installed,
        lambda w: (
            f"the release of the engine {w.untold} is not known, for the configuration of {w.new} "
            f"is not there to name its vhost ({w.absent}): put it there, or correct target.config "
            "in the plan"
        ),
    ),
    Rule(
        "which release runs is not known",
        Kind.UNKNOWN,
        lambda p: p.untold,
        lambda w: (
            f"the release of the engine {w.untold} is not known, for both releases use that vhost; "
            "list the [DEFAULT] host of each engine as current.engines or target.engines in the "
            "plan, other hosts for either release"
        ),
    ),
    Rule(
        lambda w: f"engines of {w.old} and {w.new} share a vhost, which they cannot",
        Kind.REPAIR,
        lambda p: p.shared and p.new and p.installed and len({*p.worker_rpc}) > 1,
        lambda w: (
            f"Stop engine {w.new_engines} of {w.new}, for {w.rpc}, so that each loses messages of "
            f"the other on vhost {w.old_vhost}; then give {w.new} a vhost of its own"
        ),
        must_not=(NEW_ON_SHARED_VHOST,),
    ),
    Rule(
        lambda w: f"{w.old} and {w.new} cannot share a vhost",
        Kind.REPAIR,
        lambda p: p.shared and p.installed and len({*p.worker_rpc}) > 1,
        lambda w: (
            f"Give {w.new} a vhost of its own and set broker.isolation: vhost in the plan, or "
            f"upgrade cold, for {w.rpc}"
        ),
        must_not=(NEW_ON_SHARED_VHOST, KEEP_OLD),
    ),
    SCHEMA_UNKNOWN,
    Rule(
        lambda w: f"an engine of {w.new} runs before its db_sync",
        Kind.REPAIR,
        lambda p: p.new and p.schema.at is At.CURRENT,
        lambda w: (
            f"Stop engine {w.new_engines} of {w.new}, which fails the stacks that it is given on "
            f"this schema, then run {w.new}'s db_sync when the gate has opened"
        ),
        (PhaseGate("installed"),),
        (DB_SYNC_BESIDE_NEW, API_AHEAD, KEEP_OLD),
    ),
    Rule(
        lambda w: f"an engine of {w.new} runs while the schema is migrated half-way",
        Kind.REPAIR,
        lambda p: p.new and p.schema.at is At.HALF_WAY,
        lambda w: (
            f"Stop engine {w.new_engines} of {w.new}, which fails the stacks that it is given on "
            f"this schema, then bring {w.new}'s db_sync to its end: {w.why}"
        ),
        must_not=(DB_SYNC_BESIDE_NEW, API_AHEAD, KEEP_OLD, OLD_DB_SYNC),
    ),
    Rule(
        lambda w: f"an engine of {w.new} works on the old vhost",
        Kind.REPAIR,
        lambda p: p.misplaced("target", p.current.vhost),
        lambda w: (
            f"Stop engine {w.misplaced} of {w.new}, which works on vhost {w.old_vhost} of {w.old}, "
            f"name {w.new_vhost} in its transport_url, and start it when the gate has opened"
        ),
        (PhaseGate("vhost"),),
        (
            MustNot(
                lambda w: (
                    f"Do not begin or update stacks until it is stopped: {w.old} loses its "
                    "messages, and the stack is stuck without a trace in any queue."
                )
            ),
            KEEP_OLD,
        ),
    ),
    Rule(
        lambda w: f"an engine of {w.old} works on the new vhost",
        Kind.REPAIR,
        lambda p: p.misplaced("current", p.target.vhost),
        lambda w: (
            f"Stop engine {w.misplaced} of {w.old}, which works on vhost {w.new_vhost} of {w.new}, "
            f"and start it on {w.old_vhost} again, unless it is upgraded now"
        ),
        must_not=(
            MustNot(
                lambda w: (
                    f"Do not start an engine of {w.new} on vhost {w.new_vhost} before: the "
                    "releases would take messages from each other that they cannot read, and lose "
                    "stacks."
                )
            ),
        ),
    ),
    Rule(
        "the schema is migrated half-way, and a step was cut off",
        Kind.REPAIR,
        lambda p: p.schema.unrecorded,
        lambda w: (
            f"Restore the backup, or remove {w.unrecorded}, before {w.new}'s db_sync is run again, "
            f"which would stumble over it: {w.why}"
        ),
        must_not=(NEW_ENGINE, KEEP_OLD),
    ),
    Rule(
        "the schema is migrated half-way",
        Kind.REPAIR,
        lambda p: p.schema.at is At.HALF_WAY,
        lambda w: (
            f"Find in its log why {w.new}'s db_sync stopped, remove the reason, and run it again: "
            f"{w.why}"
        ),
        must_not=(NEW_ENGINE, KEEP_OLD, OLD_DB_SYNC),
    ),
    # Of what a rolling upgrade needs, nothing runs.
    Rule(
        lambda w: f"no engine runs, and nothing waits for {w.old}",
        Kind.REPAIR,
        lambda p: (
            not p.engines
            and p.apart
            and p.target.vhost_exists
            and p.schema.at is At.TARGET
            and p.messages == 0
            and not p.apis_on(p.current.vhost)
            and not p.live_work
        ),
        lambda w: (
            f"Start an engine of {w.new} on vhost {w.new_vhost}, for no engine runs and nobody "
            "answers any API"
        ),
        (PhaseGate("vhost"),),
        (NEW_ON_OLD_VHOST, OLD_VHOST, OLD_DB_SYNC),
    ),
    Rule(
        "no engine runs, and work is left",
        Kind.REPAIR,
        lambda p: not p.engines and Words(p).left,
        lambda w: (
            f"Start an engine of {w.old} on vhost {w.old_vhost} again, for nobody works any more "
            f"on what is left there: {w.left}"
        ),
        must_not=(OLD_VHOST, NEW_ON_OLD_VHOST, OLD_DB_SYNC),
    ),
    Rule(
        "no engine runs",
        Kind.REPAIR,
        lambda p: not p.engines,
        lambda w: (
            f"Start an engine of {w.old} on vhost {w.old_vhost} again, for nobody answers any API"
        ),
        must_not=(OLD_VHOST, NEW_ON_OLD_VHOST, OLD_DB_SYNC),
    ),
    # Without an engine of N the end has come, or came too early.
    Rule(
        lambda w: f"the engines of {w.old} are gone, and what they left is not known",
        Kind.UNKNOWN,
        lambda p: only_new(p) and p.apart and p.messages is None,
        no_count,
    ),
    Rule(
        lambda w: f"the last engine of {w.old} is gone, and left work that waits",
        Kind.REPAIR,
        lambda p: only_new(p) and p.apart and p.messages,
        lambda w: (
            f"Start an engine of {w.old} on vhost {w.old_vhost} again, so that it does what was "
            f"left there and nobody else reads: {w.left}"
        ),
        must_not=(
            OLD_VHOST,
            MustNot(
                lambda w: (
                    f"Do not update or delete these stacks through an API of {w.new} until that "
                    "engine is done: it would be taken for dead, and its work done twice."
                )
            ),
            OLD_DB_SYNC,
        ),
    ),
)
