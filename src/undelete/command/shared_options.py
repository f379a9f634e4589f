"""Options that several commands share, a group a function."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from undelete.command.options import factor, natural, shape, share
from undelete.errors import InputError


def add_output(parser: argparse.ArgumentParser, out: str) -> None:
    """Add where results are written, and what of them."""
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


def add_input(parser: argparse.ArgumentParser) -> None:
    """Add what may be read, and how much."""
    parser.add_argument(
        "--trust", action="store_true", help="allow .joblib, .pkl and .pt: unpickling runs code that the file contains"
    )
    parser.add_argument(
        "--limits", type=factor, default=1.0, metavar="X",
        help="let files take X times the usual bytes, cells and seconds before they are refused (docs/hardening.md)",
    )  # fmt: skip


def add_tables(parser: argparse.ArgumentParser) -> None:
    """Add how tables in CSV are written; `reading_tables` reads them so."""
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


def add_image(parser: argparse.ArgumentParser) -> None:
    """Add what makes a record's columns an image."""
    parser.add_argument(
        "--image", type=shape, metavar="HxW",
        help="the columns are an image's pixels, row by row: 28x28, in colour 32x32x3, or 3x32x32 if by colour",
    )  # fmt: skip
    parser.add_argument(
        "--range", type=float, nargs=2, metavar=("LOW", "HIGH"),
        help="what is drawn black and white (default: guessed from the public data)",
    )  # fmt: skip


def add_networks(parser: argparse.ArgumentParser, files: str) -> None:
    """Add what a network needs beside its file."""
    networks = parser.add_argument_group(f"of networks: {files} .safetensors, or .pt, .pth, .pt2 with --trust")
    networks.add_argument(
        "--architecture", metavar="FILE.py:FUNCTION", help="runs the file: a function that returns the torch module"
    )
    networks.add_argument(
        "--loss",
        metavar="LOSS",
        help="cross_entropy, bce, mse, poisson_nll, or FILE.py:FUNCTION of outputs and targets; of ONNX graphs with a "
        "logarithmic link poisson, gamma, tweedie(1.5)",
    )
    networks.add_argument("--weight-decay", type=float, metavar="X", help="penalty of the mean loss, as in torch")
    networks.add_argument(
        "--preprocessing", metavar="FILE",
        help="what makes the network's records of the table: a fitted one (.skops), or FILE.py:FUNCTION",
    )  # fmt: skip


def add_offset(parser: argparse.ArgumentParser) -> None:
    """Add which column shifts the predictions."""
    parser.add_argument(
        "--offset", action="append", metavar="COLUMN",
        help="of models fitted with an offset the column that it is; several times where it is a sum",
    )  # fmt: skip
    parser.add_argument("--exposure", metavar="COLUMN", help="the column whose logarithm the offset is")


def reading_tables(options: argparse.Namespace) -> AbstractContextManager[None]:
    """Read tables as the options say that they are written."""
    if not hasattr(options, "separator"):
        return nullcontext()
    from undelete.data.dialect import Dialect, reading

    labels = {}
    for one in options.label:
        cell, mark, name = one.rpartition("=")
        if not mark or not cell:
            raise InputError(f"--label is {one!r}: give CELL=CLASS, such as '<=50K=0'")
        labels[cell] = name
    separator = {"\\t": "\t", "tab": "\t"}.get(options.separator, options.separator)
    encoding = options.encoding or "utf-8-sig"
    return reading(Dialect(separator, options.decimal, encoding, tuple(options.missing), labels, options.target))


def version() -> str:
    """Return what `--version` prints."""
    from importlib import metadata

    return f"undelete {metadata.version('undelete')}"
