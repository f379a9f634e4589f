"""What can be asked of the command line: its commands, their options and help."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from undelete.command.options import Parser, above_zero, count, descent, factor, natural, positive, shape, share

if TYPE_CHECKING:
    pass
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
EPILOG = "Docs: README.md, docs/. Use it on public data or your own; it is not for identifying anybody."


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; `command` is the name of the one that was asked for."""
    whole = Parser(
        prog="undelete",
        description="Show what a deleted record gives away to whoever kept the old model.",
        epilog=EPILOG,
    )
    whole.add_argument("--version", action="version", version=version())
    commands: Commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_audit(commands)
    _add_simulate(commands)
    _add_protect(commands)
    _add_scan(commands)
    _add_words(commands)
    _add_reproduce(commands)
    _add_data(commands)
    for command in commands.choices.values():
        command.add_argument("--debug", action="store_true", help="show the traceback of what went wrong")
    return whole


def version() -> str:
    """Return what `--version` prints."""
    from importlib import metadata

    return f"undelete {metadata.version('undelete')}"


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


def _add_tables(parser: argparse.ArgumentParser) -> None:
    tables = parser.add_argument_group("of tables in CSV that are written otherwise")
    tables.add_argument(
        "--separator", metavar="CHARACTER", help="between cells (default: a comma, or what the header has)"
    )
    tables.add_argument(
        "--decimal", choices=(".", ","), help="the decimal mark (default: as numbers are written, where cells are "
        "separated otherwise than by commas)",
    )  # fmt: skip
    tables.add_argument("--encoding", metavar="NAME", help="of the files, such as latin-1 (default: UTF-8)")
    tables.add_argument(
        "--missing",
        action="append",
        default=[],
        metavar="CELL",
        help="a cell that is missing, such as ?; several times",
    )
    tables.add_argument(
        "--label", action="append", default=[], metavar="CELL=CLASS",
        help='what a cell of the target is to the model, such as "<=50K=0"; several times',
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


def _add_networks(parser: argparse.ArgumentParser, files: str) -> None:
    networks = parser.add_argument_group(f"of networks: {files} .safetensors")
    networks.add_argument(
        "--architecture", metavar="FILE.py:FUNCTION", help="runs the file: a function that returns the torch module"
    )
    networks.add_argument(
        "--loss",
        metavar="LOSS",
        help="cross_entropy, bce, mse, poisson_nll, or FILE.py:FUNCTION of outputs and targets",
    )
    networks.add_argument("--weight-decay", type=float, metavar="X", help="penalty of the mean loss, as in torch")
    networks.add_argument(
        "--preprocessing", metavar="FILE",
        help="what makes the network's records of the table: a fitted one (.skops), or FILE.py:FUNCTION",
    )  # fmt: skip


def _add_offset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--offset", action="append", metavar="COLUMN",
        help="of models fitted with an offset the column that it is; several times where it is a sum",
    )  # fmt: skip
    parser.add_argument("--exposure", metavar="COLUMN", help="the column whose logarithm the offset is")


def _add_demo(commands: Commands) -> None:
    parser = commands.add_parser(
        "demo", help="delete 200 people of the US Census 2000 and reconstruct them", epilog=EPILOG
    )
    parser.add_argument("--deletions", type=positive, default=200, metavar="N", help="how many (default: 200)")
    _add_output(parser, "demo")


def _add_audit(commands: Commands) -> None:
    parser = commands.add_parser(
        "audit", help="what do two saved models give away of the record deleted between them?", epilog=EPILOG
    )
    parser.add_argument(
        "before",
        type=Path,
        metavar="BEFORE",
        nargs="?",
        help="the model with the record: .skops, .json, .npz, .safetensors, or .joblib/.pkl with --trust",
    )
    parser.add_argument("after", type=Path, nargs="?", metavar="AFTER", help="the model retrained without it")
    parser.add_argument(
        "later", type=Path, nargs="*", metavar="LATER",
        help="more versions, in order: each step between two is audited (or one folder in place of all files); also "
        "answers, .csv or .parquet",
    )  # fmt: skip
    _add_networks(parser, "BEFORE and AFTER are")
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
        help="people some of whom may have been deleted, with the target column: also ranks them, in candidates.csv",
    )  # fmt: skip
    parser.add_argument("--n", type=positive, metavar="N", help="number of training records of the first model")
    parser.add_argument(
        "--joined", type=natural, metavar="J", help="records that joined between the two (default: what the models say)"
    )
    parser.add_argument("--deleted", type=natural, metavar="G", help="records that left between the two, likewise")
    parser.add_argument(
        "--protection", type=Path, nargs="+", metavar="FILE",
        help="of protected models their protection.json (default: the ones beside BEFORE and AFTER)",
    )  # fmt: skip
    parser.add_argument(
        "--l2", type=float, metavar="L2", help="penalty in the summed objective, if the model files do not say it"
    )
    parser.add_argument(
        "--optimiser", type=descent, metavar="gd:steps=T,step=ETA,momentum=MU",
        help="of linear models that were stopped, not converged: the number of steps of gradient descent on the mean "
        "loss, from zero, and the learning rate; what comes back is read through them",
    )  # fmt: skip
    _add_offset(parser)
    _add_tables(parser)
    _add_input(parser)
    _add_image(parser)
    _add_output(parser, "audit")


def _add_simulate(commands: Commands) -> None:
    parser = commands.add_parser("simulate", help="whom of your training data would a deletion expose?", epilog=EPILOG)
    parser.add_argument(
        "model", type=Path, metavar="MODEL",
        help="the fitted model: .skops, .json, .npz, .safetensors, or .joblib/.pkl with --trust",
    )  # fmt: skip
    parser.add_argument(
        "--train", type=Path, required=True, metavar="FILE", help="its training records: .csv or .parquet"
    )
    parser.add_argument("--public", type=Path, required=True, metavar="FILE", help="other records of the same kind")
    parser.add_argument("--target", required=True, metavar="COLUMN", help="the column that the model predicts")
    parser.add_argument(
        "--deletions", type=positive, metavar="N", help="how many to play (default: 200; of groups and networks 20)"
    )
    parser.add_argument(
        "--group", type=natural, default=1, metavar="G", help="how many people leave together each time (default: 1)"
    )
    parser.add_argument(
        "--joined", type=natural, default=0, metavar="J", help="how many join at the same time (default: none)"
    )
    parser.add_argument(
        "--additions", action="store_true", help="play that these people joined the others, and were not deleted"
    )
    parser.add_argument(
        "--sample-weight",
        metavar="COLUMN",
        help="the training records' column that says how much each counted in the fit",
    )
    parser.add_argument(
        "--resume", action="store_true",
        help="keep the deletions that are retrained in DIR/deletions, and go on with those of a run that was stopped",
    )  # fmt: skip
    parser.add_argument("--export", type=Path, metavar="DIR", help="also write release.npz and truth.npz, apart")
    _add_networks(parser, "MODEL is")
    parser.add_argument(
        "--l2", type=float, metavar="L2", help="of a network the penalty in the summed objective, instead"
    )
    parser.add_argument(
        "--protection", type=Path, nargs="+", metavar="FILE",
        help="what undelete protect measured of this model, for the report's advice (default: the one beside MODEL)",
    )  # fmt: skip
    _add_offset(parser)
    _add_tables(parser)
    _add_input(parser)
    _add_image(parser)
    _add_output(parser, "simulate")


def _add_scan(commands: Commands) -> None:
    parser = commands.add_parser(
        "scan", help="what does a file, or two, store of training records by itself?", epilog=EPILOG
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="a fitted estimator: .skops, .json, .npz, or .joblib/.pkl with --trust"
    )
    parser.add_argument("later", type=Path, nargs="?", metavar="FILE2", help="the one that was released next")
    parser.add_argument(
        "--out", type=Path, default=Path("scan"), metavar="DIR",
        help="where to write scan.json, scan.csv and records.csv (default: scan/)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print scan.json instead of the summary")
    _add_input(parser)


def _add_words(commands: Commands) -> None:
    parser = commands.add_parser(
        "words", help="which words had the document deleted between two models of text?", epilog=EPILOG
    )
    parser.add_argument(
        "before",
        type=Path,
        metavar="BEFORE",
        help="the pipeline with the document: .skops, or .joblib/.pkl with --trust",
    )
    parser.add_argument(
        "after", type=Path, nargs="?", metavar="AFTER",
        help="the pipeline fitted without it; left out with --train, which deletes documents to see what would be told",
    )  # fmt: skip
    parser.add_argument(
        "--public", type=Path, required=True, metavar="FILE", help="documents like the training ones, none of them"
    )
    parser.add_argument(
        "--train", type=Path, metavar="FILE", help="the training documents: what if one of them is deleted?"
    )
    parser.add_argument(
        "--deletions", type=positive, default=20, metavar="N", help="with --train: how many to play (default: 20)"
    )
    parser.add_argument(
        "--refit", action="store_true", help="with --train: the vectoriser is fitted anew with each deletion, too"
    )
    parser.add_argument("--seed", type=int, default=0, help="with --train: which documents are drawn (default: 0)")
    parser.add_argument("--target", required=True, metavar="COLUMN", help="the column that the model predicts")
    parser.add_argument(
        "--candidates", type=Path, metavar="FILE",
        help="documents one of which may have been deleted, with the target: also ranks them, in candidates.csv",
    )  # fmt: skip
    parser.add_argument("--text", metavar="COLUMN", help="the column of text (default: the only other one)")
    parser.add_argument(
        "--n", type=positive, metavar="N", help="number of training documents of the first model; --train counts them"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("words"), metavar="DIR",
        help="where to write words.csv and words.json (default: words/)",
    )  # fmt: skip
    _add_tables(parser)
    _add_input(parser)


def _add_protect(commands: Commands) -> None:
    parser = commands.add_parser(
        "protect", help="which defence keeps a deletion from exposing anybody, and what does it cost?", epilog=EPILOG
    )
    parser.add_argument(
        "model", type=Path, metavar="MODEL",
        help="the fitted model: .skops, .json, .npz, .safetensors, or .joblib/.pkl with --trust",
    )  # fmt: skip
    parser.add_argument(
        "--train", type=Path, required=True, metavar="FILE", help="its training records: .csv or .parquet"
    )
    parser.add_argument(
        "--public", type=Path, required=True, metavar="FILE",
        help="other records of the same kind: the attack works from them, and the loss is measured on them",
    )  # fmt: skip
    parser.add_argument("--target", required=True, metavar="COLUMN", help="the column that the model predicts")
    parser.add_argument(
        "--defence", action="append", metavar="NAME", help="one to play, several times for several (default: all)"
    )
    parser.add_argument("--deletions", type=positive, default=200, metavar="N", help="how many to play (default: 200)")
    parser.add_argument(
        "--max-exposure", type=share, default=0.1, metavar="X", help="largest mean centred cosine (default: 0.1)"
    )
    parser.add_argument(
        "--max-loss", type=share, default=0.01, metavar="X", help="largest loss of R2 or accuracy (default: 0.01)"
    )
    parser.add_argument(
        "--epsilon",
        type=above_zero,
        metavar="E",
        help="only defences that prove differential privacy with at most this",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("undelete-protect"), metavar="DIR",
        help="where to write the protected model, protection.json and frontier.svg (default: undelete-protect/)",
    )  # fmt: skip
    parser.add_argument(
        "--resume", action="store_true",
        help="keep the rows that are played in DIR/rows, and go on with those of a run that was stopped",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=natural, default=0, help="seed of what is played; the model handed out has none (default: 0)"
    )
    _add_networks(parser, "MODEL is")
    parser.add_argument(
        "--l2", type=float, metavar="L2", help="of a network the penalty in the summed objective, instead"
    )
    _add_tables(parser)
    _add_input(parser)
    _add_image(parser)


def _add_reproduce(commands: Commands) -> None:
    from undelete.paper.experiments import EXPERIMENTS

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
