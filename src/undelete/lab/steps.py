"""How far an experiment is: steps that are done, of all, and the name of what is being done."""

from __future__ import annotations

import os
from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called as progress(done, total, stage)."""
Folder = str | os.PathLike[str]
TRIAL = 50
"""Fewer deletions than this are a trial: so little else is done that it takes minutes."""


def splits(usual: int, each: int, deletions: int | None) -> tuple[int, list[str]]:
    """Return on how many splits to play so many deletions, `each` of them usually on one, and a note where it is fewer.

    Less than half of the usual number is a trial: it has as many splits as the deletions fill.

    Examples
    --------
    >>> splits(3, 14, 42)
    (3, [])
    >>> splits(3, 14, 5)
    (1, ['A trial: 5 deletions on 1 split in place of 3.'])
    """
    if deletions is None or 2 * deletions >= usual * each or usual == 1:
        return usual, []
    some = -(-deletions // each)
    said = "split" if some == 1 else "splits"
    return some, [f"A trial: {deletions} deletions on {some} {said} in place of {usual}."]


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
