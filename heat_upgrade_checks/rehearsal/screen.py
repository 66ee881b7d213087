"""What an operator sees while a backup is restored and migrated."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from heat_upgrade_checks.records.rehearsal import Migrated, Rehearsal
from heat_upgrade_checks.schema.meaning import meaning
from heat_upgrade_checks.wording import duration, visible


class Screen:
    """A line per step; on a terminal also a bar with the time that is left."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)

    def says(self, line: str) -> None:
        """Print one line."""
        self._console.print(Text(visible(line)))

    @contextmanager
    def restoring(self) -> Iterator[Callable[[int, int], None]]:
        """What takes the bytes that were restored so far, and how many there are."""
        columns = (
            TextColumn("restoring"),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        with Progress(
            *columns,
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        ) as progress:
            task = progress.add_task("restoring", total=None)

            def tell(done: int, total: int) -> None:
                progress.update(task, completed=done, total=total)

            yield tell

    def migrated(self, migrated: Migrated) -> None:
        """Say how long db_sync took, revision by revision."""
        each = ", ".join(f"{one.revision} {duration(one.seconds)}" for one in migrated.revisions)
        self.says(f"db_sync took {duration(migrated.seconds)}" + (f" ({each})" if each else ""))

    def ended(self, rehearsal: Rehearsal) -> None:
        """Say what changed, and what went wrong."""
        for change in rehearsal.changes:
            self.says(f"  {change}")
        for each in rehearsal.differences:
            self.says(f"  {each.difference.object}: {meaning(each.difference, each.side)}")
        if rehearsal.failure is not None:
            self.says(rehearsal.failure.sentence)
        if rehearsal.exercise is not None:
            tried = rehearsal.exercise
            who = " and ".join(sorted(tried.tables))
            self.says(f"{tried.operations} operations on every table of {who}")
            for failure in tried.failures:
                self.says(f"  table {failure.table}: {failure.summary}")
