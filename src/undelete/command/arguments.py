"""What can be asked of the command line: its commands, each with its options in a module of its own."""

from __future__ import annotations

import argparse

from undelete.command import audit, data, demo, protect, reproduction, scan, simulate, words
from undelete.command.options import EPILOG, Commands, Parser
from undelete.command.shared_options import version


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; `command` is the name of the one that was asked for."""
    whole = Parser(
        prog="undelete",
        description="Show what a deleted record gives away to whoever kept the old model.",
        epilog=EPILOG,
    )
    whole.add_argument("--version", action="version", version=version())
    commands: Commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for one in (demo, audit, simulate, protect, scan, words, reproduction, data):
        one.add(commands)
    for command in commands.choices.values():
        command.add_argument("--debug", action="store_true", help="show the traceback of what went wrong")
    return whole
