"""Every experiment, one after the other: what is finished stays, what fails does not stop the rest."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from undelete.lab.steps import Folder
from undelete.paper.experiments import EXPERIMENTS, Experiment
from undelete.paper.needs import missing

End = Literal["done", "kept", "failed", "without data"]
DEFAULT: Literal["default"] = "default"  # deletions: each experiment's own
USUAL = 200
"""Deletions from which on those that train for each deletion play all of theirs, where all are asked for at once."""
_FEWEST = 3
_SURE = 30.0  # seconds of work from which on the machine's own speed is believed


@dataclass(frozen=True)
class Asked:
    """What is asked of every experiment.

    Parameters
    ----------
    data_dir, out : path
        Where the data are, and where results go.
    deletions : int, None or "default"
        A panel: a number, all, or each experiment's own.
    seed : int
        Of the draws.
    trained : dict
        The options of those that train networks on shadow updates.
    together : bool
        Whether all experiments are asked for at once.
    """

    data_dir: Folder | None
    out: Path
    deletions: int | Literal["default"] | None = "default"
    seed: int = 0
    trained: dict[str, int] = field(default_factory=dict)

    together: bool = False

    def count(self, experiment: Experiment) -> int | None:
        """Return the deletions a panel of one experiment; None for all.

        Together with all others those that train for each deletion play as many fewer as the others do.
        """
        if isinstance(self.deletions, str):
            return experiment.deletions
        if self.deletions is None or not self.together or experiment.most is None:
            return self.deletions
        return max(_FEWEST, min(experiment.most, math.ceil(experiment.most * self.deletions / USUAL)))

    def options(self, experiment: Experiment) -> dict[str, Any]:
        """Return what decides one experiment's result, but data and code."""
        count = self.count(experiment)
        trained = self.trained if experiment.trained else {}
        return {"deletions": "all" if count is None else count, "seed": self.seed, **trained}

    def expected(self, experiment: Experiment, played: Sequence[str]) -> float:
        """Return about how many seconds one takes; hardly any where another has played its panels."""
        return 0.0 if experiment.within in played else experiment.expected(self.count(experiment))


def order(asked: Asked) -> list[Experiment]:
    """Return all experiments, the quickest first, those that nobody timed last; each after who plays its panels."""

    def rank(experiment: Experiment) -> tuple[float, bool]:
        whole = EXPERIMENTS[experiment.within or experiment.name]
        return asked.expected(whole, ()) or math.inf, experiment.within is not None

    return sorted(EXPERIMENTS.values(), key=rank)


class Batch:
    """Runs all experiments and knows how each ended.

    Parameters
    ----------
    asked : Asked
        The same of each.
    run : callable
        From an experiment to nothing: runs one, with whatever shows how far it is.
    say : callable
        Prints a line.
    trouble : callable
        Says what went wrong, and returns the exit status for it.
    """

    def __init__(
        self, asked: Asked, run: Callable[[Experiment], None], say: Callable[[str], None],
        trouble: Callable[[BaseException], int],
    ) -> None:  # fmt: skip
        self.asked, self.run, self.say, self.trouble = asked, run, say, trouble
        self.ends: dict[str, End] = {}
        self.status = 0
        self._worked = self._foretold = 0.0

    def all(self) -> int:
        """Run what is not finished; return 0 when everything is there, else the worst status of one."""
        waiting = order(self.asked)
        lacking = {one.name: missing(one.wants, self.asked.data_dir) for one in waiting}
        for line in dict.fromkeys(line for lines in lacking.values() for line in lines):
            self.say(f"missing: {line}")
        self.go([one for one in waiting if self._to_run(one, bool(lacking[one.name]))])
        counts = [(sum(end == kind for end in self.ends.values()), kind) for kind in get_args(End)]
        self.say(f"{len(self.ends)} experiments: {', '.join(f'{number} {kind}' for number, kind in counts if number)}")
        return self.status

    def go(self, waiting: list[Experiment]) -> None:
        """Run experiments one after the other."""
        while waiting:
            one = waiting.pop(0)
            started, foretold = time.monotonic(), self.asked.expected(one, self.played())
            try:
                self.run(one)
            except Exception as error:  # noqa: BLE001 - said by `trouble`, and the others go on
                self.failed(one, self.trouble(error), waiting)
                continue
            self.finish(one, time.monotonic() - started, foretold, waiting)

    def _to_run(self, one: Experiment, lacks: bool) -> bool:
        """Say why one is not run, where it is finished or its data are not there."""
        from undelete.paper.finished import finished

        if finished(one, self.asked.options(one), self.asked.data_dir, self.asked.out) is not None:
            self._end(one, "kept", "finished before with these options, data and code", ())
        elif lacks:
            self.status = max(self.status, 2)
            self._end(one, "without data", "left out, see above", ())
        return one.name not in self.ends

    def failed(self, one: Experiment, status: int, waiting: Sequence[Experiment]) -> None:
        """Note that one failed with a status."""
        self.status = max(self.status, status)
        self._end(one, "failed", "see stderr; the others go on", waiting)

    def finish(self, one: Experiment, took: float, foretold: float, waiting: Sequence[Experiment]) -> None:
        """Note that one is done, after so many seconds where so many had been foretold."""
        if foretold:
            self._worked, self._foretold = self._worked + took, self._foretold + foretold
        self._end(one, "done", f"in {duration(took)}", waiting)

    def _end(self, one: Experiment, end: End, how: str, waiting: Sequence[Experiment]) -> None:
        self.ends[one.name] = end
        left = self.left(waiting)
        self.say(f"{one.name}: {end}, {how}" + (f"; about {duration(left)} left" if left else ""))

    def played(self) -> list[str]:
        """Return those that are finished, by name."""
        return [name for name, end in self.ends.items() if end in ("done", "kept")]

    def left(self, waiting: Sequence[Experiment]) -> float:
        """Return about how many seconds are left, at the speed of what ran so far."""
        speed = self._worked / self._foretold if self._worked > _SURE else 1.0
        played = [*self.played(), *(one.name for one in waiting)]
        return speed * self.together({one.name: self.asked.expected(one, played) for one in waiting})

    def together(self, seconds: Mapping[str, float]) -> float:
        """Return how long experiments of so many seconds take, by name."""
        return sum(seconds.values())


def duration(seconds: float) -> str:
    """Return a time in words, of two digits at most.

    Examples
    --------
    >>> duration(42), duration(200), duration(9000), duration(40_000)
    ('42 s', '3 min', '2.5 h', '11 h')
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 10 else f"{round(hours)} h"
