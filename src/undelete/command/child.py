"""An experiment in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from undelete.plain_text import escaped

if TYPE_CHECKING:
    from undelete.command.ending import Terminal
    from undelete.paper.batch import Asked
    from undelete.paper.experiments import Experiment

_PATIENCE = 10.0  # seconds that one has to end tidily


class Child:
    """Runs ``undelete reproduce NAME``, and prints what it said once it has ended.

    Parameters
    ----------
    experiment : Experiment
        What to run.
    asked : Asked
        How.
    jobs : int
        How many run side by side: products use so much fewer threads, unless OMP_NUM_THREADS says otherwise.
    terminal : Terminal
        Where to print.
    """

    def __init__(self, experiment: Experiment, asked: Asked, jobs: int, terminal: Terminal) -> None:
        self.terminal = terminal
        count = asked.count(experiment)
        command = [sys.executable, "-m", "undelete.cli", "reproduce", experiment.name, "--out", str(asked.out),
                   "--seed", str(asked.seed), "--deletions", "all" if count is None else str(count)]  # fmt: skip
        command += [] if asked.data_dir is None else ["--data", str(asked.data_dir)]
        for option, value in asked.trained.items() if experiment.trained else ():
            command += [f"--{option}", str(value)]
        threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // jobs))}
        self.said, self.complained = (
            tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed once it has been read
            for _ in range(2)
        )
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.complained, env=threads | dict(os.environ)
        )

    def status(self) -> int | None:
        """Return how it ended; None while it runs."""
        status = self.process.poll()
        if status is None:
            return None
        for file, tell in ((self.said, self.terminal.say), (self.complained, self._complain)):
            file.seek(0)
            text = file.read().rstrip("\n")
            file.close()
            if text:
                tell("\n".join(map(escaped, text.split("\n"))))
        return status if status >= 0 else 128 - status

    def stop(self) -> None:
        """End it: it has some seconds for what it is writing."""
        self.process.terminate()
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.said.close()
        self.complained.close()

    def _complain(self, text: str) -> None:
        for line in text.split("\n"):
            self.terminal.complain(line.removeprefix("undelete: "))
