"""Where an upgrade stands, in plain facts."""

from dataclasses import dataclass
from typing import Literal

from heat_upgrade_checks.evidence.broker.connections import Client
from heat_upgrade_checks.phases import Mode, SideName
from heat_upgrade_checks.reading.work import State, Work
from heat_upgrade_checks.where.schema import Schema

Section = Literal["engines", "apis", "messages", "work"]


@dataclass(frozen=True)
class ReleaseSide:
    """One of the two releases: what it is called in a sentence, and its vhost.

    Empty strings stand for what is not known; `vhost_exists` is None then.
    """

    name: str
    version: str
    series: str
    vhost: str
    vhost_exists: bool | None


@dataclass(frozen=True)
class EngineGroup:
    """The live workers of one host that run one release on the same vhosts.

    `release` is None where nothing tells it. `holds` are the resources and locks that they have in
    hand, in words.
    """

    host: str
    release: SideName | None
    vhosts: tuple[str, ...]
    engine_ids: tuple[str, ...]
    holds: tuple[str, ...]


@dataclass(frozen=True)
class ApiProcess:
    """An API that is connected to a vhost; `release` is None where nothing tells it.

    On the new vhost it may run either: it may be pointed there before it is upgraded.
    """

    client: Client
    vhost: str
    release: SideName | None


@dataclass(frozen=True)
class Position:
    """How far an upgrade has come, as far as it was observed.

    `messages` wait on the old vhost for engines, None where the broker does not say; `orphaned` are
    addressed to engines that are gone, so nobody will ever read them. Whether both releases share a
    vhost is what the configurations say, and where that is `contradicted` the plan says otherwise;
    before the target has a configuration it is what the plan says. `unknown` are the sentences
    that say what could not be observed, and `unseen` the sections that are empty because of it.
    """

    mode: Mode
    shared: bool
    contradicted: bool
    absent: tuple[str, ...]
    current: ReleaseSide
    target: ReleaseSide
    worker_rpc: tuple[str, str]
    schema: Schema
    engines: tuple[EngineGroup, ...]
    apis: tuple[ApiProcess, ...]
    others: tuple[Client, ...]
    messages: int | None
    orphaned: int
    work: tuple[Work, ...]
    unknown: tuple[str, ...]
    unseen: frozenset[Section]

    @property
    def installed(self) -> bool:
        """Whether the target's code and configuration are in place."""
        return not self.absent

    @property
    def old(self) -> tuple[EngineGroup, ...]:
        """The engines that run the current release."""
        return tuple(group for group in self.engines if group.release == "current")

    @property
    def new(self) -> tuple[EngineGroup, ...]:
        """The engines that run the target release."""
        return tuple(group for group in self.engines if group.release == "target")

    @property
    def apart(self) -> bool:
        """Whether each release has a vhost of its own."""
        return not self.shared and self.current.vhost != self.target.vhost

    @property
    def runs(self) -> bool:
        """Whether anything of Heat runs."""
        return bool(self.engines or self.apis)

    def misplaced(self, release: SideName, vhost: str) -> tuple[EngineGroup, ...]:
        """The engines of a release on the other's vhost."""
        return tuple(
            group
            for group in self.engines
            if self.apart and group.release == release and group.vhosts == (vhost,)
        )

    @property
    def astray(self) -> tuple[EngineGroup, ...]:
        """The engines on several vhosts, or on one that is neither release's."""
        ours = {(self.current.vhost,), (self.target.vhost,)}
        return tuple(g for g in self.engines if self.installed and g.vhosts not in ours)

    @property
    def untold(self) -> tuple[EngineGroup, ...]:
        """The engines of which nothing tells the release."""
        return tuple(group for group in self.engines if group.release is None)

    def apis_on(self, vhost: str) -> tuple[ApiProcess, ...]:
        """The APIs that are connected to this vhost."""
        return tuple(api for api in self.apis if api.vhost == vhost)

    @property
    def old_work(self) -> tuple[Work, ...]:
        """What is in flight and is not held by engines of the target release alone."""
        moved = {engine_id for group in self.new for engine_id in group.engine_ids}
        return tuple(work for work in self.live_work if not work.engines or work.engines - moved)

    @property
    def live_work(self) -> tuple[Work, ...]:
        """What is in flight, without what only looks like it."""
        return tuple(work for work in self.work if work.state is not State.AT_REST)

    @property
    def legacy_work(self) -> tuple[Work, ...]:
        """What an engine on another vhost would take for lost, and mark FAILED when it starts."""
        return tuple(
            work
            for work in self.live_work
            if work.stack.lock or not (work.stack.convergence or work.stack.only_its_snapshots)
        )
