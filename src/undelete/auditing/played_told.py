"""What is said of deletions that were played: the question, and how exactly the models were retrained."""

from __future__ import annotations

from undelete.auditing.diagnostics import Diagnostic
from undelete.auditing.played import Played
from undelete.maintainer.leave_one_out import Deletions


def of_groups(game: Played, group: int, joined: int) -> str:
    """Return what was asked of people who leave and join together."""
    who = [f"{n:,} {'person' if n == 1 else 'people'} {verb}{'s' if n == 1 else ''}"
           for n, verb in ((group, "leave"), (joined, "join")) if n]  # fmt: skip
    said = " and ".join(who)
    b, n = game.release.deletions, len(game.groups.base)
    return f"Whom would it expose if {said} at once? {b:,} such groups were played, of {n:,} people."


def exact(game: Played) -> Diagnostic:
    """Return how exactly the models of groups were retrained."""
    value = f"{game.release.deletions:,} models, largest gradient {game.worst:.1e} per record"
    return Diagnostic("Exact retraining", value, True, "Over the records of each model.")


def question(n: int, count: int, *, images: bool, additions: bool) -> str:
    """Return what was asked of people who are deleted, or join, one at a time."""
    who, what = "Which" if images else "Whom", "images" if images else "people"
    if additions:
        return f"{who} of {n:,} {what} would joining the others expose? {count:,} additions were played."
    return f"{who} of {n:,} {what} would a deletion expose? {count:,} deletions were played."


def retraining(retrained: Deletions) -> Diagnostic:
    """Return how exactly the models after single deletions were retrained."""
    worst = float(retrained.gradient_norm.max())
    sure = int(retrained.certified.sum())
    how = f", {sure:,} of them bounded by a certificate" if sure else ""
    number = f"{len(retrained.rows):,} model{'' if len(retrained.rows) == 1 else 's'}"
    value = f"{number}, largest gradient {worst:.1e} per record{how}"
    return Diagnostic("Exact retraining", value, True, "Over the records that remain after each deletion.")
