"""How far several searches are, where each may call for another."""

from __future__ import annotations

from collections.abc import Callable


class Pace:
    """Reports progress(done, total), in hundredths of a search.

    Examples
    --------
    >>> pace = Pace(lambda done, total: print(done, total))
    >>> pace.plan(2)
    >>> pace.at(0.5)
    50 200
    >>> pace.end()
    100 200
    """

    def __init__(self, progress: Callable[[int, int], object] | None = None) -> None:
        self.progress = progress
        self.planned = self.ended = 0

    def plan(self, searches: int) -> None:
        """Count so many searches more."""
        self.planned += searches

    def at(self, share: float) -> None:
        """Say what share of the present search is done."""
        if self.progress is not None:
            self.progress(round(100 * (self.ended + share)), 100 * self.planned)

    def end(self) -> None:
        """Count the present search as done."""
        self.ended += 1
        self.at(0.0)
