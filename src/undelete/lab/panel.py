"""One panel of a figure: a population, a model, and what three attacks make of its deletions.

Half of the population is private, half public; the model is fitted on the private half; records are drawn from it and
deleted, each from the full model with exact retraining; the attacks see the two models and the public half.

The similarity is the paper's cosine, of the records themselves: the constant left out, before an embedding.

A deletion that leaves the model as it was (a record outside the margin of a support vector machine) reveals
nothing and is in no curve: the panel says how many changed the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from undelete.attacker.attacks import chosen
from undelete.attacker.baselines import AVG, MAXDIFF
from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.lab.fitting import deal, fit_private, in_space
from undelete.lab.game import FORM, Game
from undelete.lab.kept import NOT_KEPT, Kept, Shelf, attacking_code, digest
from undelete.lab.models import Model
from undelete.lab.population import Population
from undelete.lab.steps import Steps
from undelete.release.release import Release
from undelete.scoring.truth import Truth

ATTACKS = (HREC.name, AVG.name, MAXDIFF.name)
ON_IMAGES = (*ATTACKS, HREC_PLUS.name)


def play_panel(
    population: Population,
    model: Model,
    deletions: int,
    seed: int,
    steps: Steps | None = None,
    *,
    attacks: Sequence[str] = ATTACKS,
    shelf: Shelf = NOT_KEPT,
) -> Kept:
    """Fit one model on one population, delete, attack and score.

    Parameters
    ----------
    population : Population
        n private and m public records after the split.
    model : Model
        What is fitted.
    deletions : int
        How many records, drawn without replacement.
    seed : int
        Determines all draws.
    steps : Steps, optional
        Counts deletions that were retrained, or attacked by one attack.
    attacks : sequence of str
        Names in `undelete.attacker.attacks.ATTACKS`.
    shelf : Shelf
        Remembers the panel, the fit, and the deletions that are retrained.

    Returns
    -------
    Kept
        The account is the panel in the JSON. The arrays hold a few deletions as pictures, one a label: "deleted" and
        each attack's name (columns, d0), and "cosine_NAME" (columns,).
    """
    steps = steps or Steps()
    dealt, mark = deal(model, population, seed, steps)
    others = "" if tuple(attacks) == ATTACKS else f"-{'-'.join(attacks)}"
    name, key = f"panel-{model.key}-{deletions}{others}", digest(FORM, mark, deletions, *attacks, attacking_code())
    kept = shelf.load(name, key)
    if kept is not None:
        steps.add((len(attacks) + 1) * deletions)
        return kept
    dealt = in_space(model, population, dealt, seed, shelf, steps)
    fitted = fit_private(model, population, dealt, seed, mark=mark, shelf=shelf, steps=steps)
    game = Game(dealt, fitted, population, model, seed, deletions, chosen(attacks))
    game.run(steps, shelf, mark)
    return shelf.store(name, key, game.pictures(), game.account())


def play_release(
    population: Population, model: Model, deletions: int, seed: int, shelf: Shelf = NOT_KEPT
) -> tuple[Release, Truth, dict[str, Any]]:
    """Return a panel's deletions as a release, the truth, and an account, for who attacks them otherwise.

    Parameters
    ----------
    population, model, deletions, seed, shelf
        As of `play_panel`: the same deletions of the same model, and remembered with it.
    """
    steps = Steps()
    dealt, mark = deal(model, population, seed, steps)
    dealt = in_space(model, population, dealt, seed, shelf, steps)
    fitted = fit_private(model, population, dealt, seed, mark=mark, shelf=shelf, steps=steps)
    game = Game(dealt, fitted, population, model, seed, deletions, [])
    release = game.released(game.rows, 0, game.public(), steps, shelf, mark)
    inputs = None if dealt.inputs is None else dealt.inputs[game.rows]
    return release, Truth(X=dealt.X[game.rows], Y=dealt.Y[game.rows], rows=game.rows, inputs=inputs), {
        "source": population.source, "target": population.target(model.kind).removeprefix("target: "),
        "n": len(dealt.X), "m": len(dealt.X_public), "d": dealt.X.shape[1], "penalty": fitted.account["penalty"],
        "gradient_norm_largest": float(game.gradients[0].max()),
    }  # fmt: skip
