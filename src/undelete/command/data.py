"""`undelete data`: the paper's image data sets."""

from __future__ import annotations

import argparse
from pathlib import Path

from undelete.command.options import EPILOG, Commands
from undelete.plain_text import escaped


def add(commands: Commands) -> None:
    """Add the command and its options."""
    from undelete.data.images import IMAGES, default_folder

    parser = commands.add_parser("data", help="download the paper's image data sets from OpenML", epilog=EPILOG)
    parser.add_argument(
        "names", nargs="+", choices=list(IMAGES), metavar="NAME", help=f"one or more of {', '.join(IMAGES)}"
    )
    parser.add_argument(
        "--out", type=Path, default=default_folder(), metavar="DIR",
        help="where to write NAME.npz (default: ~/.cache/undelete)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do what was asked for and return the exit status."""
    from undelete.data.openml import download

    for name in options.names:
        download(name, options.out, say=lambda line: options.terminal.say(escaped(line)))
    return 0
