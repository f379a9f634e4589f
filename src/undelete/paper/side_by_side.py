"""Every experiment, some of them side by side, each in a process of its own.

Figures of the same images share what is fitted, so no two of them run at the same time: the second would fit it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from undelete.paper.batch import Asked, Batch
from undelete.paper.experiments import EXPERIMENTS, Experiment

_PAUSE = 0.2  # seconds between two looks at what runs


class Process(Protocol):
    """An experiment that runs."""

    def status(self) -> int | None:
        """Return how it ended; None while it runs. What it had to say is said then."""

    def stop(self) -> None:
        """End it."""


@dataclass(frozen=True, eq=False)
class _Running:
    one: Experiment
    process: Process
    started: float
    foretold: float


class SideBySide(Batch):
    """Runs all experiments, some at a time, and knows how each ended.

    Parameters
    ----------
    asked : Asked
        The same of each.
    start : callable
        From an experiment to a process that runs it.
    say : callable
        Prints a line.
    jobs : int
        How many at a time.
    """

    def __init__(
        self, asked: Asked, start: Callable[[Experiment], Process], say: Callable[[str], None], jobs: int
    ) -> None:  # fmt: skip
        super().__init__(asked, lambda _: None, say, lambda _: 0)
        self.start, self.jobs = start, jobs

    def go(self, waiting: list[Experiment]) -> None:
        """Run experiments side by side; where that is interrupted, end those that run."""
        running: list[_Running] = []
        try:
            while waiting or running:
                while len(running) < self.jobs and (one := _next(waiting, running)) is not None:
                    waiting.remove(one)
                    self.say(f"{one.name}: started")
                    foretold = self.asked.expected(one, self.played())
                    running.append(_Running(one, self.start(one), time.monotonic(), foretold))
                time.sleep(_PAUSE)
                for each in [*running]:
                    status = each.process.status()
                    if status is None:
                        continue
                    running.remove(each)
                    if status:
                        self.failed(each.one, status, waiting)
                    else:
                        self.finish(each.one, time.monotonic() - each.started, each.foretold, waiting)
        finally:
            for each in running:
                each.process.stop()

    def together(self, seconds: Mapping[str, float]) -> float:
        """Return how long experiments take side by side, those of the same images one after the other."""
        return together(seconds, self.jobs)


def together(seconds: Mapping[str, float], jobs: int) -> float:
    """Return how long experiments of so many seconds take by name, so many at a time."""
    chain = sum(took for name, took in seconds.items() if EXPERIMENTS[name].shares)
    return max(chain, sum(seconds.values()) / jobs)


def _next(waiting: list[Experiment], running: list[_Running]) -> Experiment | None:
    """Return what to start: first of those that share what is fitted, as long as no other of them runs."""
    busy = any(each.one.shares for each in running)
    chain = [] if busy else [one for one in waiting if one.shares]
    return next(iter([*chain, *(one for one in waiting if not one.shares)]), None)
