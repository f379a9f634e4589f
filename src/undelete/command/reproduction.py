"""`undelete reproduce`: experiments by name, all of them, or what there is."""

from __future__ import annotations

import argparse
import dataclasses
import textwrap
from pathlib import Path

from undelete.command.child import Child
from undelete.command.ending import trouble
from undelete.command.layout import WIDTH
from undelete.command.options import EPILOG, Commands, count, natural, positive
from undelete.command.progress import Bar
from undelete.errors import InputError
from undelete.files import check_folder
from undelete.lab.steps import TRIAL
from undelete.paper.batch import DEFAULT, USUAL, Asked, Batch, duration
from undelete.paper.experiments import EXPERIMENTS, Experiment
from undelete.paper.needs import NEEDS, missing
from undelete.paper.side_by_side import SideBySide, together
from undelete.plain_text import escaped

ALL, LIST = "all", "list"
_RULE = (
    "Times are of two cores without other work, from what was measured: so much once, and so much for each deletion. "
    "Figures of the same models share what was fitted and retrained: those in brackets, or in another, add hardly "
    "anything to `all`. "
    f"Fewer than {TRIAL} deletions are a trial, which the result says, and its time is CPU seconds of one thread; in "
    f"`all` what trains for each deletion then plays so much of its usual number as the others do of {USUAL}."
)


def add(commands: Commands) -> None:
    """Add the command and its options."""
    networks = " and ".join(one.name for one in EXPERIMENTS.values() if one.trained)

    parser = commands.add_parser(
        "reproduce", help="reproduce figures and tables of the paper", epilog=EPILOG,
        description="Reproduce figures and tables of the paper. `list` says what there is, what it needs and how long "
        "it takes; `all` runs everything that is not finished, and goes on when one fails.",
    )  # fmt: skip
    parser.add_argument(
        "names", nargs="+", choices=[*sorted(EXPERIMENTS), "all", "list"], metavar="NAME",
        help=f"list, all, or one or more of {', '.join(sorted(EXPERIMENTS))}",
    )  # fmt: skip
    parser.add_argument("--data", type=Path, metavar="DIR", help="where the data are (default: $UNDELETE_DATA)")
    parser.add_argument(
        "--deletions", type=count, default=argparse.SUPPRESS, metavar="N",
        help="deletions a panel, or 'all' (default: as `list` says)",
    )  # fmt: skip
    parser.add_argument("--seed", type=natural, default=0, help="seed of the draws (default: 0)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="where to write figures and JSON (default: results/)",
    )
    parser.add_argument(
        "--jobs", type=positive, default=1, metavar="J",
        help="of all: run so many experiments side by side, each in a process with its share of the cores (default: 1)",
    )  # fmt: skip
    for option, what in (("shadows", "shadow updates"), ("epochs", "epochs of training on them, at most")):
        parser.add_argument(f"--{option}", type=positive, metavar="N", help=f"{networks}: {what} (the paper's: 10,000)")
    parser.set_defaults(run=reproduce)


def reproduce(options: argparse.Namespace) -> int:
    """Do what was asked for and return the exit status."""
    check_folder(options.out, "--out")
    trained = {name: value for name in ("shadows", "epochs") if (value := getattr(options, name)) is not None}
    asked = Asked(options.data, options.out, getattr(options, "deletions", DEFAULT), options.seed, trained)
    if len(options.names) > 1 and {ALL, LIST} & set(options.names):
        raise InputError(f"{ALL} and {LIST} stand for every experiment: leave out the other names")
    if set(options.names) & {ALL, LIST}:
        asked = dataclasses.replace(asked, together=True)
    if options.names == [LIST]:
        options.terminal.say("\n".join(map(escaped, listed(asked))))
        return 0
    if options.jobs > 1 and options.names != [ALL]:
        raise InputError(f"--jobs is for {ALL}: it runs several experiments side by side")
    if options.names == [ALL] and options.jobs > 1:
        return SideBySide(
            asked, lambda one: Child(one, asked, options.jobs, options.terminal),
            lambda line: options.terminal.say(escaped(line)), options.jobs,
        ).all()  # fmt: skip
    if options.names == [ALL]:
        batch = Batch(
            asked, lambda one: _run(one, asked, options), lambda line: options.terminal.say(escaped(line)),
            lambda error: trouble(error, options.terminal),
        )  # fmt: skip
        return batch.all()
    for name in options.names:
        if trained and not EXPERIMENTS[name].trained:
            able = " and ".join(one.name for one in EXPERIMENTS.values() if one.trained)
            raise InputError(f"--{next(iter(trained))} is for {able}: {name} trains no such networks")
    for name in options.names:
        _run(EXPERIMENTS[name], asked, options)
    return 0


def _run(experiment: Experiment, asked: Asked, options: argparse.Namespace) -> None:
    from undelete.paper.pages.terminal import lines

    trained = asked.trained if experiment.trained else {}
    with Bar(experiment.name) as bar:
        result = experiment.run(asked.data_dir, asked.out, asked.count(experiment), asked.seed, bar, **trained)
    options.terminal.say("\n".join(map(escaped, lines(result))))


def listed(asked: Asked) -> list[str]:
    """Return every experiment: what of the paper it is, how long it takes and what it needs."""
    text = [f"{'':<16}{'':<46}{'deletions':>9}{'time':>9}"]
    lacking: dict[str, str] = {}
    for one in EXPERIMENTS.values():
        count, seconds = asked.count(one), one.expected(asked.count(one))
        shown = "all" if count is None else f"{min(count, one.most or count):,}"
        if one.seconds[0] and not one.seconds[1]:  # nothing is deleted
            shown = "–"
        time = duration(seconds) if seconds else "?"
        if one.within:
            time = f"in {one.within}" if one.tries(count) else f"({time})"
        text.append(f"{one.name:<15} {one.part:<48}{shown:>7}{time:>9}")
        text.append(f"{'':<16}needs {', '.join(NEEDS[need].title for need in one.wants)}")
        lacking |= {need: line for need in one.wants for line in missing((need,), asked.data_dir)}
    known = {one.name: asked.expected(one, list(EXPERIMENTS)) for one in EXPERIMENTS.values()}
    unknown = sum(not one.expected(asked.count(one)) for one in EXPERIMENTS.values())
    total = f"all: about {duration(sum(known.values()))}, with --jobs 2 about {duration(together(known, 2))}"
    text += ["", total + (f", and {unknown} that nobody timed" if unknown else "")]
    text += ["", *textwrap.wrap(_RULE, WIDTH)]
    for need, line in lacking.items():
        text += ["", f"missing: {NEEDS[need].title}: {line}"]
    return text
