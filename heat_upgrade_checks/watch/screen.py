"""What an operator sees while an upgrade is watched: one live line, or a line per change."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from heat_upgrade_checks.records.watch import Availability, Sample
from heat_upgrade_checks.report.words import api_availability
from heat_upgrade_checks.wording import visible


class WatchScreen:
    """Prints samples as they come; gives the terminal back when it is left."""

    def __init__(self, upgrade: str) -> None:
        self._console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
        self._live = Live(console=self._console, auto_refresh=False)
        self._api = Availability()
        self._state = ""
        self._problems: frozenset[str] = frozenset()
        self._upgrade = upgrade

    def __enter__(self) -> "WatchScreen":
        self._print(f"{self._upgrade}: watching, end with Ctrl-C")
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, sample: Sample) -> None:
        """Say what this sample holds, where it is worth a line."""
        self._api = self._api.after(sample.api)
        when = sample.at.isoformat(sep=" ", timespec="seconds")
        problems = {f"{name} not observed": why for name, why in sample.unobserved.items()}
        if sample.api.up is False:
            problems["API down"] = sample.api.error
        news: dict[str, list[str]] = {}
        for what, why in problems.items():
            if what not in self._problems:
                news.setdefault(why, []).append(what)
        for why, names in news.items():
            self._print(f"{when}  {visible(', '.join(names))}: {visible(why)}")
        self._problems = frozenset(problems)
        api = {True: "API up", False: "API down", None: "API ?"}[sample.api.up]
        state = f"{api}; {_state(sample)}"
        if self._console.is_terminal:
            down = f"{self._api.down:.0f} s down"
            line = Text(f"{api}, {down}; {_state(sample)}", no_wrap=True, overflow="ellipsis")
            self._live.update(line, refresh=True)
        elif state != self._state:
            self._print(f"{when}  {state}")
        self._state = state

    def end(self, index: Path) -> None:
        """Say how the API fared, and where the upgrade is told."""
        self._live.stop()
        self._print(api_availability(self._api))
        self._print(str(index))

    def _print(self, line: str) -> None:
        self._console.print(Text(line))


def _state(sample: Sample) -> str:
    """What does not change all the time, in one line; ? is what was not observed."""
    messages = _counts(sample.messages)
    work = _counts({"stacks": sample.stacks, "resources": sample.resources})
    engines = _counts({**(sample.engines or {}), "unplaced": sample.unplaced})
    return visible(f"messages {messages}; in flight {work}; engines {engines}")


def _counts(counts: Mapping[str, int | None]) -> str:
    return ", ".join(f"{name} {'?' if count is None else count}" for name, count in counts.items())
