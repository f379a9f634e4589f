"""How far the work is, on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


class Bar:
    """A progress bar with time left on a terminal, nothing elsewhere; called as bar(done, total, stage).

    A late one is not shown before it is called.
    """

    def __init__(self, title: str, *, late: bool = False) -> None:
        self.title, self.late = title, late
        self.progress: Progress | None = None

    def __enter__(self) -> Bar:
        if not self.late:
            self._start()
        return self

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self.progress = Progress(*columns, console=console, transient=True)
            self.progress.start()
            self.task = self.progress.add_task(self.title, total=None)

    def __call__(self, done: int, total: int, stage: str = "") -> None:
        """Show so much of the work as done."""
        if self.late:
            self.late = False
            self._start()
        if self.progress is not None:
            title = f"{self.title}  {stage}" if stage else self.title
            self.progress.update(self.task, completed=done, total=total, description=title)

    def __exit__(self, *_: object) -> None:
        if self.progress is not None:
            self.progress.stop()
