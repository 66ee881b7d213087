"""The words of a position that the sentences of `next_step` are made with."""

from collections.abc import Iterable, Sequence

from heat_upgrade_checks.reading.work import State, Work, remedy
from heat_upgrade_checks.where.position import EngineGroup, Position
from heat_upgrade_checks.wording import counted, some

_MOST_NAMED = 3


class Words:
    """What several sentences say of a position, each word made only where it stands."""

    def __init__(self, position: Position) -> None:
        self._position = position

    @property
    def unknown(self) -> str:
        """Why something could not be observed."""
        return "; ".join(self._position.unknown)

    @property
    def old(self) -> str:
        """The current release."""
        return self._position.current.name

    @property
    def new(self) -> str:
        """The target release."""
        return self._position.target.name

    @property
    def old_vhost(self) -> str:
        """The current release's vhost."""
        return self._position.current.vhost

    @property
    def new_vhost(self) -> str:
        """The target release's vhost."""
        return self._position.target.vhost

    @property
    def old_engines(self) -> str:
        """The hosts of the current release's engines."""
        return _few(hosts(self._position.old))

    @property
    def new_engines(self) -> str:
        """The hosts of the target release's engines."""
        return _few(hosts(self._position.new))

    @property
    def misplaced(self) -> str:
        """The hosts of engines on the other release's vhost."""
        position = self._position
        wrong = position.misplaced("target", position.current.vhost)
        return _few(hosts(wrong or position.misplaced("current", position.target.vhost)))

    @property
    def astray(self) -> str:
        """The engines on vhosts that are neither release's."""
        return _placed(self._position.astray)

    @property
    def untold(self) -> str:
        """The engines whose release is not known."""
        return _placed(self._position.untold)

    @property
    def absent(self) -> str:
        """What is missing of the target release."""
        return _few(self._position.absent)

    @property
    def why(self) -> str:
        """What was seen of the schema."""
        return self._position.schema.why

    @property
    def unrecorded(self) -> str:
        """What a db_sync that was cut off has added."""
        return self._position.schema.unrecorded

    @property
    def rpc(self) -> str:
        """Both worker RPC versions."""
        old, new = self._position.worker_rpc
        return f"the worker RPC is {old} in {self.old} and {new} in {self.new}"

    @property
    def apis(self) -> str:
        """Every API."""
        return _few(api.client for api in self._position.apis)

    @property
    def old_apis(self) -> str:
        """The APIs on the current release's vhost."""
        return _few(api.client for api in self._position.apis_on(self.old_vhost))

    @property
    def new_apis(self) -> str:
        """The APIs on the target release's vhost."""
        return _few(api.client for api in self._position.apis_on(self.new_vhost))

    @property
    def next_api(self) -> str:
        """The API to move first."""
        return str(self._position.apis_on(self.old_vhost)[0].client)

    @property
    def next_api_host(self) -> str:
        """Where it runs, as the broker sees it."""
        return self._position.apis_on(self.old_vhost)[0].client.peer_host

    @property
    def running(self) -> str:
        """Everything of Heat that runs."""
        engines = [f"engine {host}" for host in hosts(self._position.engines)]
        return _few([*engines, *(api.client for api in self._position.apis)])

    @property
    def next_host(self) -> str:
        """The old engine host to take away first: the one that holds the least."""
        held = _held_by_host(self._position.old)
        return min(held, key=lambda host: (len(held[host]), host))

    @property
    def next_holds(self) -> str:
        """What it holds; empty where it is nothing."""
        return _few(_held_by_host(self._position.old)[self.next_host])

    @property
    def busy(self) -> str:
        """The old engine hosts that hold work; empty where none does."""
        held = _held_by_host(self._position.old)
        return _few(f"{host}: {_few(words)}" for host, words in held.items() if words)

    @property
    def left(self) -> str:
        """What waits on the old side, or is in hand there; empty where nothing is."""
        position = self._position
        parts = []
        if position.messages:
            parts.append(f"{counted(position.messages, 'message')} in the queues")
        if position.apart and position.apis_on(self.old_vhost):
            parts.append(f"requests of {self.old_apis}")
        if work := position.old_work:
            parts.append(f"{counted(len(work), 'stack')} in flight, such as {_stack(work[0])}")
        held = [words for group in position.old for words in group.holds]
        return ", ".join(parts or ([f"it holds {_few(held)}"] if held else []))

    @property
    def in_flight(self) -> str:
        """The stacks in flight."""
        return _few(map(_stack, self._position.live_work))

    @property
    def legacy(self) -> str:
        """The legacy and the locked stacks in flight."""
        return _few(map(_stack, self._position.legacy_work))

    @property
    def cut_off(self) -> str:
        """A stack that was cut off when everything was stopped."""
        return _told(self._position.live_work)

    @property
    def cut_off_id(self) -> str:
        """The id to give to `heat-manage reset_stack_status`."""
        return self._position.live_work[0].root.id

    @property
    def lost(self) -> str:
        """A stack that nobody works on, and what helps it."""
        works = in_state(self._position.live_work, State.LOST)
        hint, commands = remedy(works[0])
        command = f" ({' '.join(commands[0])})" if commands else ""
        return f"{_told(works)}: {hint.partition('. Or')[0].rstrip('.')}{command}"

    @property
    def uncertain(self) -> str:
        """A stack of which it is not known whether somebody works on it."""
        return _told(in_state(self._position.live_work, State.UNCERTAIN))


def hosts(groups: Iterable[EngineGroup]) -> list[str]:
    """The hosts of these engines, each once."""
    return sorted({group.host for group in groups})


def in_state(works: Iterable[Work], *states: State) -> list[Work]:
    """The work in one of these states."""
    return [work for work in works if work.state in states]


def _held_by_host(groups: Iterable[EngineGroup]) -> dict[str, list[str]]:
    held: dict[str, list[str]] = {}
    for group in groups:
        held.setdefault(group.host, []).extend(group.holds)
    return held


def _placed(groups: Iterable[EngineGroup]) -> str:
    return _few(f"{group.host} (on {', '.join(group.vhosts)})" for group in groups)


def _stack(work: Work) -> str:
    return f"stack {work.stack.name} ({work.stack.id})"


def _told(works: Sequence[Work]) -> str:
    more = f" and {len(works) - 1} more" if len(works) > 1 else ""
    return f"{_stack(works[0])}, {works[0]}{more}"


def _few(things: Iterable[object]) -> str:
    return some(dict.fromkeys(map(str, things)), _MOST_NAMED)
