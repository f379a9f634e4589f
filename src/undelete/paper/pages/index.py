"""docs/results/index.md: each figure and table of the paper, what it claims and what was measured.

    python -m undelete.paper.pages.index [RESULT.json | PAGE.md ...]

reads docs/results/numbers.json, replaces the entries of the results or pages that are named, and writes both anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from undelete.errors import InputError
from undelete.files import unwritable, write_together
from undelete.paper.pages import numbers
from undelete.paper.pages.beyond import BEYOND, Beyond
from undelete.paper.pages.claims import CLAIMS, Claim
from undelete.paper.pages.markdown import table
from undelete.paper.pages.numbers import Entry

_HEAD = """# The paper's figures and tables, one by one

Bertran, Tang, Kearns, Morgenstern, Roth and Wu, "Reconstruction Attacks on Machine Unlearning: Simple Models are
Vulnerable" (2024). What each figure and table claims, in our words, what came out here, and what differs. The paper
prints its distributions as images, so a claim is confirmed when the numbers bear out what it says, not when they are
the same; only its two tables can be compared cell by cell. Every number is from [numbers.json](numbers.json), which
`python -m undelete.paper.pages.index` keeps, and this page with it; so are the verdicts, by the rules at the end.
"""
_RULES = """## When a claim counts as confirmed

- *Almost perfect* (Figures 5, 6, 10): HRec's median centred cosine is .99 or more in every panel, and above the
  guesses'.
- *Ahead* (Figures 3, 11): HRec's median cosine is above those of the average and of MaxDiff's image in every panel, and
  so is its lowest decile; in part when only the medians are.
- *Pictures* (Figures 2, 4, 9, 12 to 14): HRec's picture has the larger cosine on more than half of the labels, for each
  model; against MaxDiff, in Figure 9 against Updates-Leak.
- *Guessing* (Figures 1, 7): no area under LiRA's curve is .55 or more.
- *Better than Updates-Leak* (Figure 8): HRec's median cosine is above that of every other attack of the figure.
- *Tables*: every cell is within .02 of Table 1, within .015 of Table 2; in part when more than half of the cells are.
"""


def page(found: dict[str, Entry]) -> str:
    """Return the page as Markdown; a row for each claim, also where nothing was measured yet."""
    head = ["of the paper", "it claims", "measured", "verdict", "what differs", "command"]
    rows = table(head, [_row(claim, found.get(claim.experiment)) for claim in CLAIMS])
    beyond = table(["page", "what is asked", "command"], [_beyond(one, found.get(one.name)) for one in BEYOND])
    return "\n".join([_HEAD, *rows, _RULES, "## Beyond the paper\n", *beyond])


def _beyond(one: Beyond, entry: Entry | None) -> list[str]:
    command = one.command or f"undelete reproduce {one.name}" if entry is None else entry["command"]
    return [f"[{one.title}]({one.page})", one.asks, f"`{command}`"]


def _row(claim: Claim, entry: Entry | None) -> list[str]:
    if entry is None:
        return [claim.title, claim.says, "not yet", "open", claim.differs, f"`undelete reproduce {claim.experiment}`"]
    measured, verdict = claim.rule(entry)
    place = f"[{claim.title}]({claim.page}#{entry['section']})"
    return [place, claim.says, measured, verdict, claim.differs, f"`{entry['command']}`"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write both files; status 2 and one line when something named is no result, or nothing can be written."""
    parser = argparse.ArgumentParser(prog="python -m undelete.paper.pages.index", description=__doc__.split("\n")[0])
    parser.add_argument("results", nargs="*", type=Path, metavar="RESULT.json|PAGE.md")
    parser.add_argument("--docs", type=Path, default=Path("docs/results"), metavar="DIR", help="default: docs/results")
    options = parser.parse_args(arguments)
    stored = options.docs / "numbers.json"
    try:
        found = numbers.load(stored)
        for place in options.results:
            found |= numbers.entries(place)
        texts = {stored: numbers.text(found), options.docs / "index.md": page(found)}
        try:
            write_together(texts, private=False)
        except OSError as error:
            raise unwritable(options.docs, error, "--docs") from error
    except InputError as error:
        print(f"undelete: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
