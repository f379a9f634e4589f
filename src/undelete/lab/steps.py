"""How far an experiment is: steps that are done, of all, and the name of what is being done."""

from __future__ import annotations

import os
from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called as progress(done, total, stage)."""
Folder = str | os.PathLike[str]
TRIAL = 50
"""Fewer deletions than this are a trial: so little else is done that it takes minutes."""


class Steps:
    """Counts steps towards a total, and reports each change as progress(done, total, stage)."""

    def __init__(self, total: int = 0, progress: Progress | None = None) -> None:
        self.total, self.progress = total, progress
        self.done, self.stage = 0, ""

    def begin(self, stage: str) -> None:
        """Name what is done from now on."""
        self.stage = stage
        self.add(0)

    def add(self, count: int) -> None:
        """Count further steps."""
        self.done += count
        if self.progress is not None:
            self.progress(self.done, self.total, self.stage)

    def onward(self) -> Callable[[int, int], None]:
        """Return a function of how many have been done since now, that counts what is new."""
        start = self.done

        def reached(done: int, _: int) -> None:
            self.add(start + done - self.done)

        return reached
