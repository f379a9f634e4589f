"""`undelete scan`: what files store of training records by themselves."""

from __future__ import annotations

import argparse
from pathlib import Path

from undelete.command.options import EPILOG, Commands
from undelete.command.shared_options import add_input
from undelete.files import check_folder, unwritable


def add(commands: Commands) -> None:
    """Add the command and its options."""
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
    add_input(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do what was asked for and return the exit status."""
    from undelete.auditing.scan import as_text, scan
    from undelete.command.listings import scan_lines

    check_folder(options.out, "--out")
    result = scan(options.file, options.later, trust=options.trust)
    try:
        result.save(options.out)
    except OSError as error:
        raise unwritable(options.out, error) from error
    text = as_text(result.document()).rstrip() if options.json else "\n".join(scan_lines(result, options.out))
    options.terminal.say(text)
    return 0
