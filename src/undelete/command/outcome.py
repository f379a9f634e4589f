"""What an audit comes to: its files, the gate, and what is printed."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from undelete.command.shared_options import version
from undelete.files import unwritable

if TYPE_CHECKING:
    import pandas as pd

    from undelete.auditing.result import Audit


def finish(result: Audit, options: argparse.Namespace, ranked: pd.DataFrame | None = None) -> int:
    """Write the files, apply the gate, and print the summary: what is printed changes no status."""
    from undelete.auditing.result import as_json
    from undelete.command.listings import candidate_lines
    from undelete.command.terminal import summary

    listed = None if options.redact or ranked is None else ranked.to_csv(index_label="row")
    try:
        document = result.save(options.out, redact=options.redact, candidates=listed)
    except OSError as error:
        raise unwritable(options.out, error) from error
    stopped = "" if options.fail_above is None else result.why_stopped(options.fail_above)
    if options.json:
        options.terminal.say(as_json(document).rstrip())
    else:
        options.terminal.say(summary(result, document, version(), options.out, stopped))
        if ranked is not None:
            place = None if listed is None else options.out / "candidates.csv"
            options.terminal.say("\n".join(candidate_lines(ranked, place)))
    return int(bool(stopped))
