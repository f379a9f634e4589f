"""The command line: parse, call one function, write files.

Exit status: 0 done, 1 the `--fail-above` gate tripped, 2 the input could not be used (one line on stderr).
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from undelete.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from rich.progress import Progress

    from undelete.data.schema import Schema
    from undelete.result import Audit

Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"
EPILOG = "Docs: README.md, docs/. Use it on public data or your own; it is not for identifying anybody."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(given)
    options.command_line = shlex.join(["undelete", *given])
    try:
        return int(options.run(options))
    except InputError as error:
        print(f"undelete: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("undelete: stopped before a result was written", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
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
    parser.add_argument("--seed", type=_natural, default=0, help="seed of the draws (default: 0)")
    parser.add_argument(
        "--fail-above", type=_share, metavar="X",
        help="end with status 1 if the exposure is above X (0 to 1); docs/verdicts.md says what it is",
    )  # fmt: skip


def _add_image(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--image", type=_shape, metavar="HxW",
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
    parser.add_argument("--deletions", type=_positive, default=200, metavar="N", help="how many (default: 200)")
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
        help="the model with the record: .skops, .json, .npz, or .joblib/.pkl with --trust",
    )
    parser.add_argument("after", type=Path, metavar="AFTER", help="the model retrained without it")
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
    parser.add_argument("--n", type=_positive, metavar="N", help="number of training records before the deletion")
    parser.add_argument(
        "--l2", type=float, metavar="L2", help="penalty in the summed objective, if the model files do not say it"
    )
    parser.add_argument(
        "--trust", action="store_true", help="allow .joblib and .pkl: unpickling runs code that the file contains"
    )
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
    parser.add_argument("--deletions", type=_positive, default=200, metavar="N", help="how many to play (default: 200)")
    parser.add_argument("--export", type=Path, metavar="DIR", help="also write release.npz and truth.npz, apart")
    parser.add_argument(
        "--trust", action="store_true", help="allow .joblib and .pkl: unpickling runs code that the file contains"
    )
    _add_image(parser)
    _add_output(parser, "simulate")
    parser.set_defaults(run=_simulate)


def _add_reproduce(commands: Commands) -> None:
    from undelete.paper import EXPERIMENTS, TRAINED

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
        "--deletions", type=_count, default=argparse.SUPPRESS, metavar="N",
        help="deletions a panel, or 'all' (default: 2000 of tables, 200 of images)",
    )  # fmt: skip
    parser.add_argument("--seed", type=_natural, default=0, help="seed of the draws (default: 0)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="where to write figures and JSON (default: results/)",
    )
    for option, what in (("shadows", "shadow updates"), ("epochs", "epochs of training on them, at most")):
        parser.add_argument(
            f"--{option}", type=_positive, metavar="N", help=f"{' and '.join(TRAINED)}: {what} (the paper's: 10,000)"
        )
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

    with _bar("deleting and reconstructing") as bar:
        result = demo(deletions=options.deletions, seed=options.seed, progress=bar)
    return _finish(result, options)


def _audit(options: argparse.Namespace) -> int:
    from undelete.auditing import Words, audit
    from undelete.data.table import read_table

    public = read_table(options.public)
    words = Words(
        schema=_image_schema(options, public),
        source=options.public.name,
        command=options.command_line,
        names=(options.before.name, options.after.name),
    )
    result = audit(
        options.before, options.after, public, target=options.target, truth=options.truth, n=options.n, l2=options.l2,
        rng=options.seed, trust=options.trust, words=words,
    )  # fmt: skip
    ranked = [] if options.candidates is None else _ranked(options, public)
    status = _finish(result, options)
    if ranked and not options.json:
        print("\n".join(ranked))
    return status


def _ranked(options: argparse.Namespace, public: pd.DataFrame) -> list[str]:
    """Write who was deleted, of the candidates, the likeliest first, and return the first of them as text."""
    from undelete.data.table import read_table
    from undelete.membership_inference import who_was_deleted
    from undelete.result import write_text
    from undelete.terminal import candidate_lines

    if options.target is None:
        raise InputError("--candidates needs --target: how a record pulls on the model depends on what it predicts")
    ranked = who_was_deleted(
        options.before, options.after, public, read_table(options.candidates), target=options.target, n=options.n,
        l2=options.l2, trust=options.trust,
    )  # fmt: skip
    place = options.out / "candidates.csv"
    try:
        write_text(place, ranked.to_csv(index_label="row"))
    except OSError as error:
        raise _unwritable(options.out, error) from error
    return candidate_lines(ranked, str(place))


def _simulate(options: argparse.Namespace) -> int:
    import numpy as np

    from undelete.adapters.files import load_model
    from undelete.auditing import Words, simulate
    from undelete.data.table import read_table

    model = load_model(options.model, trust=options.trust)
    train, public = read_table(options.train), read_table(options.public)
    for name, table in (("training", train), ("public", public)):
        if options.target not in table:
            raise InputError(f"the {name} table has no column {options.target!r} to predict: name one of its columns")
    words = Words(
        schema=_image_schema(options, public), source=options.public.name, command=options.command_line,
        names=(options.model.name, None),
    )  # fmt: skip
    target = options.target
    with _bar("deleting and reconstructing") as bar:
        result = simulate(
            model, train.drop(columns=target), train[target], public.drop(columns=target), public[target],
            deletions=options.deletions, rng=options.seed, words=words, progress=bar,
        )  # fmt: skip
    if options.export is not None and result.truth is not None:
        options.export.mkdir(parents=True, exist_ok=True)
        result.release.save(options.export / "release.npz")
        partial = options.export / ".truth.partial.npz"
        np.savez(partial, allow_pickle=False, **result.truth.arrays())
        partial.chmod(0o600)  # it holds private records
        partial.replace(options.export / "truth.npz")
    return _finish(result, options)


def _image_schema(options: argparse.Namespace, public: pd.DataFrame) -> Schema | None:
    """Return the schema of a table of images; None without --image."""
    from dataclasses import replace

    from undelete.data.images import guess_range
    from undelete.data.schema import ImageInfo, schema_of

    if options.image is None:
        if options.range is not None:
            raise InputError("--range says what is drawn black and white: it needs --image HxW")
        return None
    shape, planes = options.image
    low, high = options.range or guess_range(public.drop(columns=options.target or []).select_dtypes("number"))
    info = ImageInfo(shape, low, high, planes=planes, guessed=options.range is None)
    return replace(schema_of(map(str, public.columns)), image=info)


def _reproduce(options: argparse.Namespace) -> int:
    from undelete.paper import DELETIONS, EXPERIMENTS, TRAINED, lines

    trained = {name: value for name in ("shadows", "epochs") if (value := getattr(options, name)) is not None}
    for name in options.names:
        if trained and name not in TRAINED:
            raise InputError(f"--{next(iter(trained))} is for {' and '.join(TRAINED)}: {name} trains no such networks")
    for name in options.names:
        deletions = getattr(options, "deletions", DELETIONS[name])
        with _bar(name) as bar:
            result = EXPERIMENTS[name](options.data, options.out, deletions, options.seed, bar, **trained)
        print("\n".join(lines(result)), flush=True)
    return 0


def _data(options: argparse.Namespace) -> int:
    from undelete.data.openml import download

    for name in options.names:
        download(name, options.out, say=lambda line: print(line, flush=True))
    return 0


def _finish(result: Audit, options: argparse.Namespace) -> int:
    """Write the files, print the summary, and apply the gate."""
    import json

    import numpy as np
    from rich.console import Console
    from rich.text import Text

    from undelete.terminal import COLOURS, lines

    page, numbers = options.out / "report.html", options.out / "audit.json"
    try:
        result.to_json(numbers, redact=options.redact)
        result.to_html(page, redact=options.redact)
    except OSError as error:
        raise _unwritable(options.out, error) from error
    exposure = float(np.median(np.nan_to_num(result.exposure)))
    above = options.fail_above is not None and exposure > options.fail_above
    same = all(status == "unchanged" for status in result.found[result.main].status)
    # what cannot be decided is not safe; two equal models are: there is nothing to recover
    open_case = options.fail_above is not None and result.verdict.word == "NOT DECIDABLE" and not same
    tripped = above or open_case
    if options.json:
        print(json.dumps(result.document(redact=options.redact), indent=1, allow_nan=False))
    else:
        console = Console(highlight=False, soft_wrap=True)
        console.print(Text(f"{_version()}   the deleted record, from two models and public data\n"))
        for line in lines(result, redact=options.redact):
            text = Text(line)
            if line.startswith("Verdict"):
                text.highlight_words([result.verdict.word], COLOURS.get(result.verdict.word, "bold"))
            console.print(text)
        console.print(Text(f"Report   {page}     Numbers  {numbers}"))
        if above:
            console.print(Text(f"Gate     exposure {exposure:.3f} is above {options.fail_above:g}: status 1"))
        elif open_case:
            console.print(Text("Gate     not decidable, so not known to be safe: status 1"))
    return int(tripped)


def _unwritable(folder: Path, error: OSError) -> InputError:
    return InputError(f"cannot write to {folder} ({error.strerror}): choose another folder with --out")


class _bar:
    """A progress bar with time left on a terminal, nothing elsewhere; called as bar(done, total, stage)."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.progress: Progress | None = None

    def __enter__(self) -> _bar:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self.progress = Progress(*columns, console=console, transient=True)
            self.progress.start()
            self.task = self.progress.add_task(self.title, total=None)
        return self

    def __call__(self, done: int, total: int, stage: str = "") -> None:
        if self.progress is not None:
            title = f"{self.title}  {stage}" if stage else self.title
            self.progress.update(self.task, completed=done, total=total, description=title)

    def __exit__(self, *_: object) -> None:
        if self.progress is not None:
            self.progress.stop()


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of zero or more")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a count: give 1 or more")
    return int(text)


def _count(text: str) -> int | None:
    return None if text == "all" else _positive(text)


def _shape(text: str) -> tuple[tuple[int, ...], bool]:
    """Return an image's shape as `ImageInfo` wants it, and whether its colours are planes."""
    sides = text.lower().split("x")
    if len(sides) not in (2, 3) or not all(side.isdecimal() and int(side) for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r} is no image's shape: give HxW, HxWx3 or 3xHxW, such as 28x28")
    shape = tuple(int(side) for side in sides)
    planes = len(shape) == 3 and shape[2] != 3 and shape[0] == 3
    if len(shape) == 3 and shape[2] != 3 and not planes:
        raise argparse.ArgumentTypeError(f"{text!r} has no side of 3 colours: give HxWx3 or 3xHxW, or HxW for grey")
    return (*shape[1:], 3) if planes else shape, planes


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return value


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as everything else here does."""

    def error(self, message: str) -> NoReturn:
        """End with status 2 and one line."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


if __name__ == "__main__":
    sys.exit(main())
