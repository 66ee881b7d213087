"""What would do harm at one point of an upgrade or another, and why."""

from heat_upgrade_checks.where.rules import MustNot
from heat_upgrade_checks.where.schema import At

KEEP_OLD = MustNot(
    lambda w: (
        f"Do not stop an engine or API of {w.old}: they do the work until {w.new} has taken it "
        "over."
    )
)
NEW_ENGINE = MustNot(
    lambda w: (
        f"Do not start an engine of {w.new}: on the schema as it is now it fails the stacks that "
        "it is given."
    )
)
NEW_DB_SYNC = MustNot(
    lambda w: (
        f"Do not run {w.new}'s db_sync before phase installed has opened: only the backup takes "
        "back what it changes."
    )
)
OLD_DB_SYNC = MustNot(
    lambda w: (
        f"Do not run {w.old}'s db_sync, nor start a container that does: it does not know this "
        "schema."
    ),
    lambda p: p.schema.at is not At.BOTH,
)
NEW_ON_OLD_VHOST = MustNot(
    lambda w: (
        f"Do not start an engine of {w.new} on vhost {w.old_vhost}: the releases would take "
        "messages from each other that they cannot read, and lose stacks."
    ),
    lambda p: p.apart,
)
NEW_ON_SHARED_VHOST = MustNot(
    lambda w: (
        f"Do not start an engine of {w.new} on vhost {w.old_vhost}: {w.rpc}, and a message of one "
        "release is lost in the other."
    )
)
API_AHEAD = MustNot(
    lambda w: f"Do not point an API at vhost {w.new_vhost} before: nobody answers there yet.",
    lambda p: p.apart,
)
BUSY_ENGINES = MustNot(
    lambda w: (
        f"Do not stop an engine that holds work ({w.busy}): what it has not ended when its grace "
        "period is over is lost."
    ),
    lambda p: any(group.holds for group in p.old),
)
ALL_OLD_ENGINES = MustNot(
    lambda w: (
        f"Do not stop all engines of {w.old}: one must do what is left on vhost {w.old_vhost} "
        "until every API has moved and its queues are empty."
    ),
    lambda p: p.apart,
)
LAST_ENGINE_WITH_API = MustNot(
    lambda w: (
        f"Do not stop engine {w.old_engines}, the last of {w.old}: nobody else answers "
        f"{w.old_apis} on vhost {w.old_vhost}."
    )
)
LAST_ENGINE_WITH_WORK = MustNot(
    lambda w: (
        f"Do not stop engine {w.old_engines}, the last of {w.old}: what it holds it gives up when "
        "its grace period is over, and what waits for it nobody else reads."
    )
)
KILL = MustNot("Do not kill it: what it takes up until it has ended would be lost.")
IDLE_API = MustNot(
    "Do not take it for certain that every API has moved: the broker shows none that has not asked "
    "anything yet.",
    lambda p: p.apart,
)
OLD_VHOST = MustNot(
    lambda w: (
        f"Do not delete vhost {w.old_vhost} before phase post has opened: what is left in it would "
        "be lost unseen."
    ),
    lambda p: p.apart and p.current.vhost_exists,
)
OLD_SERVICES = MustNot(
    lambda w: (
        f"Do not start an engine or API of {w.old}: what is asked of it would have to be moved "
        "once more."
    )
)
ANYTHING = MustNot(
    "Do not start an engine or API before, and see on each host that none runs: the broker shows "
    "no API that has not asked anything."
)
DB_SYNC_BESIDE_NEW = MustNot(
    lambda w: (
        f"Do not run db_sync while an engine of {w.new} runs: it may be in the midst of what "
        "db_sync changes."
    )
)
DB_SYNC_WHILE_RUNNING = MustNot(
    "Do not run db_sync while anything of Heat runs: in a cold upgrade nobody has checked that the "
    "releases bear each other's schema."
)
