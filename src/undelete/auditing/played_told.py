"""What is said of deletions that were played: the question, how near its optimum a model was, how it was retrained."""

from __future__ import annotations

import numpy as np

from undelete.auditing.diagnostics import Diagnostic
from undelete.auditing.played import Played
from undelete.auditing.played_beside import TextProblem
from undelete.auditing.problem import Problem
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


def own_fit(problem: Problem | TextProblem) -> Diagnostic:
    """Return how far the user's own fit was from the optimum."""
    problem = problem if isinstance(problem, Problem) else problem.every
    size = np.abs(problem.objective.X).max(axis=0)[:, None]  # in a feature's own unit, whatever that is
    moved = float((size * np.abs(problem.W - problem.model.W)).max() / (size * np.abs(problem.W)).max())
    value = f"gradient {problem.given_gradient:.1e} per record as given; refitted, parameters moved by {moved:.1e}"
    if moved > 0.01:
        text = (
            "The model as given is not the optimum on these records: it stopped early, or was trained on "
            "others. The simulation speaks of the refitted model."
        )
        return Diagnostic("The model's own fit", value, False, text)
    text = "The model is the optimum on these records, up to the refit that exact retraining needs."
    return Diagnostic("The model's own fit", value, True, text)
