"""The command line: parse, and run the command; `undelete.command.ending` says how it ends."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import NoReturn

from undelete.command.arguments import parser
from undelete.command.ending import Terminal, ended, entry
from undelete.command.shared_options import reading_tables
from undelete.limits import lifted


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)

    def work(terminal: Terminal) -> int:
        options = parser().parse_args(given)
        options.command_line = shlex.join(["undelete", *given])
        options.terminal = terminal
        terminal.debug, terminal.redact = options.debug, getattr(options, "redact", False)
        with lifted(getattr(options, "limits", 1.0)), reading_tables(options):
            return int(options.run(options))

    return ended(work)


def process() -> NoReturn:
    """Run the command line as the process that it is: the entry point."""
    entry(main)


if __name__ == "__main__":
    process()
