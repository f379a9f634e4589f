"""`undelete demo`: 200 people of a public census extract, deleted and reconstructed."""

from __future__ import annotations

import argparse

from undelete.command.options import EPILOG, Commands, positive
from undelete.command.outcome import finish
from undelete.command.progress import Bar
from undelete.command.shared_options import add_output
from undelete.files import check_folder


def add(commands: Commands) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "demo", help="delete 200 people of the US Census 2000 and reconstruct them", epilog=EPILOG
    )
    parser.add_argument("--deletions", type=positive, default=200, metavar="N", help="how many (default: 200)")
    add_output(parser, "demo")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do what was asked for and return the exit status."""
    from undelete.demo import demo

    check_folder(options.out, "--out")
    with Bar("deleting and reconstructing") as bar:
        result = demo(deletions=options.deletions, seed=options.seed, progress=bar)
    return finish(result, options)
