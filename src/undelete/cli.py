"""The command line: parse, call one function, write files; `undelete.command.ending` says how it ends."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from undelete.command.ending import Terminal, ended, entry
from undelete.command.options import Parser, count, factor, natural, positive, shape, share
from undelete.command.progress import Bar
from undelete.errors import InputError
from undelete.files import check_folder, unwritable
from undelete.limits import lifted
from undelete.plain_text import escaped

if TYPE_CHECKING:
    import pandas as pd

    from undelete.auditing.answers import Answers
    from undelete.auditing.released import Model
    from undelete.auditing.result import Audit
    from undelete.data.schema import Schema

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
EPILOG = "Docs: README.md, docs/. Use it on public data or your own; it is not for identifying anybody."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)

    def work(terminal: Terminal) -> int:
        options = _parser().parse_args(given)
        options.command_line = shlex.join(["undelete", *given])
        options.terminal = terminal
        terminal.debug, terminal.redact = options.debug, getattr(options, "redact", False)
        with lifted(getattr(options, "limits", 1.0)):
            return int(options.run(options))

    return ended(work)


def process() -> NoReturn:
    """Run the command line as the process that it is: the entry point."""
    entry(main)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="undelete",
        description="Show what a deleted record gives away to whoever kept the old model.",
        epilog=EPILOG,
    )
    parser.add_argument("--version", action="version", version=_version())
    commands: Commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_audit(commands)
    _add_simulate(commands)
    _add_reproduce(commands)
    _add_data(commands)
    for command in commands.choices.values():
        command.add_argument("--debug", action="store_true", help="show the traceback of what went wrong")
    return parser


def _version() -> str:
    from importlib.metadata import version

    return f"undelete {version('undelete')}"


def _add_output(parser: argparse.ArgumentParser, out: str) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(out),
        metavar="DIR",
        help=f"where to write audit.json and report.html (default: {out}/)",
    )
    parser.add_argument("--json", action="store_true", help="print audit.json instead of the summary")
    parser.add_argument(
        "--redact", action="store_true", help="leave every recovered and true value out of what is written"
    )
    parser.add_argument("--seed", type=natural, default=0, help="seed of the draws (default: 0)")
    parser.add_argument(
        "--fail-above", type=share, metavar="X",
        help="end with status 1 if the exposure is above X (0 to 1); docs/verdicts.md says what it is",
    )  # fmt: skip


def _add_input(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trust", action="store_true", help="allow .joblib and .pkl: unpickling runs code that the file contains"
    )
    parser.add_argument(
        "--limits", type=factor, default=1.0, metavar="X",
        help="let files take X times the usual bytes, cells and seconds before they are refused (docs/hardening.md)",
    )  # fmt: skip


def _add_image(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--image", type=shape, metavar="HxW",
        help="the columns are an image's pixels, row by row: 28x28, in colour 32x32x3, or 3x32x32 if by colour",
    )  # fmt: skip
    parser.add_argument(
        "--range", type=float, nargs=2, metavar=("LOW", "HIGH"),
        help="what is drawn black and white (default: guessed from the public data)",
    )  # fmt: skip


def _add_demo(commands: Commands) -> None:
    parser = commands.add_parser(
        "demo", help="delete 200 people of the US Census 2000 and reconstruct them", epilog=EPILOG
    )
    parser.add_argument("--deletions", type=positive, default=200, metavar="N", help="how many (default: 200)")
    _add_output(parser, "demo")
    parser.set_defaults(run=_demo)


def _add_audit(commands: Commands) -> None:
    parser = commands.add_parser(
        "audit", help="what do two saved models give away of the record deleted between them?", epilog=EPILOG
    )
    parser.add_argument(
        "before",
        type=Path,
        metavar="BEFORE",
        nargs="?",
        help="the model with the record: .skops, .json, .npz, or .joblib/.pkl with --trust",
    )
    parser.add_argument("after", type=Path, nargs="?", metavar="AFTER", help="the model retrained without it")
    answers = parser.add_argument_group("in place of both models")
    answers.add_argument(
        "--answers-before", type=Path, metavar="FILE",
        help="the old model's answers to the public records, row by row: probabilities, decision values or predictions",
    )  # fmt: skip
    answers.add_argument("--answers-after", type=Path, metavar="FILE", help="the new model's")
    answers.add_argument("--model", type=Path, metavar="FILE", help="the old model, which says what both read")
    answers.add_argument(
        "--features", metavar="numeric,onehot", help="assume this where there is no model file: numbers and categories"
    )
    answers.add_argument("--digits", type=positive, metavar="N", help="decimals the answers were rounded to")
    parser.add_argument(
        "--public",
        type=Path,
        required=True,
        metavar="FILE",
        help="records like the training data, none of them: .csv or .parquet",
    )
    parser.add_argument("--target", metavar="COLUMN", help="the public column that the model predicts")
    parser.add_argument(
        "--truth", type=Path, metavar="FILE", help="the deleted record (one row), for scores; no attack is given it"
    )
    parser.add_argument(
        "--candidates", type=Path, metavar="FILE",
        help="people one of whom may have been deleted, with the target column: also ranks them, in candidates.csv",
    )  # fmt: skip
    parser.add_argument("--n", type=positive, metavar="N", help="number of training records before the deletion")
    parser.add_argument(
        "--l2", type=float, metavar="L2", help="penalty in the summed objective, if the model files do not say it"
    )
    _add_input(parser)
    _add_image(parser)
    _add_output(parser, "audit")
    parser.set_defaults(run=_audit)


def _add_simulate(commands: Commands) -> None:
    parser = commands.add_parser("simulate", help="whom of your training data would a deletion expose?", epilog=EPILOG)
    parser.add_argument(
        "model", type=Path, metavar="MODEL", help="the fitted model: .skops, .json, .npz, or .joblib/.pkl with --trust"
    )
    parser.add_argument(
        "--train", type=Path, required=True, metavar="FILE", help="its training records: .csv or .parquet"
    )
    parser.add_argument("--public", type=Path, required=True, metavar="FILE", help="other records of the same kind")
    parser.add_argument("--target", required=True, metavar="COLUMN", help="the column that the model predicts")
    parser.add_argument("--deletions", type=positive, default=200, metavar="N", help="how many to play (default: 200)")
    parser.add_argument(
        "--resume", action="store_true",
        help="keep the deletions that are retrained in DIR/deletions, and go on with those of a run that was stopped",
    )  # fmt: skip
    parser.add_argument("--export", type=Path, metavar="DIR", help="also write release.npz and truth.npz, apart")
    _add_input(parser)
    _add_image(parser)
    _add_output(parser, "simulate")
    parser.set_defaults(run=_simulate)


def _add_reproduce(commands: Commands) -> None:
    from undelete.paper.experiments import EXPERIMENTS

    networks = " and ".join(one.name for one in EXPERIMENTS.values() if one.trained)

    parser = commands.add_parser("reproduce", help="reproduce figures and tables of the paper", epilog=EPILOG)
    parser.add_argument(
        "names",
        nargs="+",
        choices=sorted(EXPERIMENTS),
        metavar="NAME",
        help=f"one or more of {', '.join(sorted(EXPERIMENTS))}",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="where the data are (default: $UNDELETE_DATA)")
    parser.add_argument(
        "--deletions", type=count, default=argparse.SUPPRESS, metavar="N",
        help="deletions a panel, or 'all' (default: 2000 of tables, 200 of images)",
    )  # fmt: skip
    parser.add_argument("--seed", type=natural, default=0, help="seed of the draws (default: 0)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="where to write figures and JSON (default: results/)",
    )
    for option, what in (("shadows", "shadow updates"), ("epochs", "epochs of training on them, at most")):
        parser.add_argument(f"--{option}", type=positive, metavar="N", help=f"{networks}: {what} (the paper's: 10,000)")
    parser.set_defaults(run=_reproduce)


def _add_data(commands: Commands) -> None:
    from undelete.data.images import IMAGES, default_folder

    parser = commands.add_parser("data", help="download the paper's image data sets from OpenML", epilog=EPILOG)
    parser.add_argument(
        "names", nargs="+", choices=list(IMAGES), metavar="NAME", help=f"one or more of {', '.join(IMAGES)}"
    )
    parser.add_argument(
        "--out", type=Path, default=default_folder(), metavar="DIR",
        help="where to write NAME.npz (default: ~/.cache/undelete)",
    )  # fmt: skip
    parser.set_defaults(run=_data)


def _demo(options: argparse.Namespace) -> int:
    from undelete.demo import demo

    check_folder(options.out, "--out")
    with Bar("deleting and reconstructing") as bar:
        result = demo(deletions=options.deletions, seed=options.seed, progress=bar)
    return _finish(result, options)


def _audit(options: argparse.Namespace) -> int:
    from undelete.auditing.audit import Words, audit
    from undelete.auditing.tables import public_records

    if options.candidates is not None and options.target is None:
        raise InputError("--candidates needs --target: how a record pulls on the model depends on what it predicts")
    check_folder(options.out, "--out")
    before, after, features = _released(options)
    public, sampled = public_records(options.public, [before, after], options.target)
    shown = [options.before or options.answers_before, options.after or options.answers_after]
    words = Words(
        schema=_schema(options, public),
        source=options.public.name,
        command=options.command_line,
        names=(shown[0].name, shown[1].name),
        notes=tuple(sampled),
    )
    result = audit(
        before, after, public, features=features, target=options.target, truth=options.truth, n=options.n,
        l2=options.l2, rng=options.seed, trust=options.trust, words=words,
    )  # fmt: skip
    return _finish(result, options, None if options.candidates is None else _ranked(options, before, after, public))


def _released(options: argparse.Namespace) -> tuple[Model | Answers, Model | Answers, Path | str | None]:
    """Return what was released, before and after, and with answers what the models read."""
    from undelete.adapters.files.files import load_model
    from undelete.auditing.answers import read_answers

    files = [options.before, options.after]
    scored = [options.answers_before, options.answers_after]
    if None not in files and scored == [None, None] and options.model is None and options.features is None:
        first, second = (load_model(place, trust=options.trust) for place in files)
        return first, second, None
    if None in scored or files != [None, None]:
        raise InputError(
            "give two models (BEFORE AFTER), or the answers of both (--answers-before, --answers-after) and what they "
            "read (--model or --features)"
        )
    if options.model is not None and options.features is not None:
        raise InputError("--model says what the models read, and --features assumes it: give one of them")
    if options.candidates is not None:
        raise InputError("--candidates compares people with both models themselves: give BEFORE and AFTER")
    before, after = (read_answers(file, options.digits) for file in scored)
    return before, after, options.model if options.features is None else options.features


def _ranked(options: argparse.Namespace, before: Model, after: Model, public: pd.DataFrame) -> pd.DataFrame:
    """Return the candidates, the likeliest first."""
    from undelete.auditing.membership import who_was_deleted
    from undelete.data.table import read_table

    return who_was_deleted(
        before, after, public, read_table(options.candidates), target=options.target, n=options.n, l2=options.l2,
    )  # fmt: skip


def _simulate(options: argparse.Namespace) -> int:

    from undelete.adapters.files.files import load_model
    from undelete.auditing.audit import Words, simulate
    from undelete.auditing.inputs import target_columns
    from undelete.auditing.tables import public_records, training_records
    from undelete.maintainer.sweep import forget

    check_folder(options.out, "--out")
    if options.export is not None:
        if options.redact:
            raise InputError("--export writes the deleted records themselves: leave out --export or --redact")
        check_folder(options.export, "--export")
    model = load_model(options.model, trust=options.trust)
    train = training_records(options.train, model, options.target)
    public, sampled = public_records(options.public, [model], options.target)
    words = Words(
        schema=_schema(options, public), source=options.public.name, command=options.command_line,
        names=(options.model.name, None), notes=tuple(sampled),
    )  # fmt: skip
    targets = list(target_columns(train, options.target))
    target = targets[0] if len(targets) == 1 else targets
    checkpoint = options.out / "deletions" if options.resume else None
    with Bar("deleting and reconstructing") as bar:
        result = simulate(
            model, train.drop(columns=target), train[target], public.drop(columns=target), public[target],
            deletions=options.deletions, rng=options.seed, words=words, checkpoint=checkpoint, progress=bar,
        )  # fmt: skip
    if options.export is not None and result.truth is not None:
        try:
            result.release.save(options.export / "release.npz")
            result.truth.save(options.export / "truth.npz")
        except OSError as error:
            raise unwritable(options.export, error, "--export") from error
    status = _finish(result, options)
    if checkpoint is not None:
        forget(checkpoint)
    return status


def _schema(options: argparse.Namespace, public: pd.DataFrame) -> Schema:
    """Return the schema that the names of all columns point to, also those that are not read; --image's with it."""
    from dataclasses import replace

    from undelete.data.images import guess_range
    from undelete.data.schema import ImageInfo, schema_of
    from undelete.data.table import column_names

    schema = schema_of(column_names(options.public))
    if options.image is None:
        if options.range is not None:
            raise InputError("--range says what is drawn black and white: it needs --image HxW")
        return schema
    shape, planes = options.image
    low, high = options.range or guess_range(public.drop(columns=options.target or []).select_dtypes("number"))
    info = ImageInfo(shape, low, high, planes=planes, guessed=options.range is None)
    return replace(schema, image=info)


def _reproduce(options: argparse.Namespace) -> int:
    from undelete.paper.experiments import EXPERIMENTS
    from undelete.paper.pages.terminal import lines

    trained = {name: value for name in ("shadows", "epochs") if (value := getattr(options, name)) is not None}
    for name in options.names:
        if trained and not EXPERIMENTS[name].trained:
            able = " and ".join(one.name for one in EXPERIMENTS.values() if one.trained)
            raise InputError(f"--{next(iter(trained))} is for {able}: {name} trains no such networks")
    for name in options.names:
        deletions = getattr(options, "deletions", EXPERIMENTS[name].deletions)
        with Bar(name) as bar:
            result = EXPERIMENTS[name].run(options.data, options.out, deletions, options.seed, bar, **trained)
        options.terminal.say("\n".join(map(escaped, lines(result))))
    return 0


def _data(options: argparse.Namespace) -> int:
    from undelete.data.openml import download

    for name in options.names:
        download(name, options.out, say=lambda line: options.terminal.say(escaped(line)))
    return 0


def _finish(result: Audit, options: argparse.Namespace, ranked: pd.DataFrame | None = None) -> int:
    """Write the files, apply the gate, and print the summary: what is printed changes no status."""
    from undelete.auditing.result import as_json
    from undelete.command.terminal import candidate_lines, summary

    listed = None if options.redact or ranked is None else ranked.to_csv(index_label="row")
    try:
        document = result.save(options.out, redact=options.redact, candidates=listed)
    except OSError as error:
        raise unwritable(options.out, error) from error
    stopped = "" if options.fail_above is None else result.why_stopped(options.fail_above)
    if options.json:
        options.terminal.say(as_json(document).rstrip())
    else:
        options.terminal.say(summary(result, document, _version(), options.out, stopped))
        if ranked is not None:
            place = None if listed is None else options.out / "candidates.csv"
            options.terminal.say("\n".join(candidate_lines(ranked, place)))
    return int(bool(stopped))


if __name__ == "__main__":
    process()
