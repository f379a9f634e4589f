"""Deletions are played before any happens: whom would one expose?"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from undelete.adapters.design.conform import unknown
from undelete.adapters.offset import named_offset
from undelete.adapters.sklearn.beside import words_beside
from undelete.adapters.sklearn.perceptron import is_perceptron
from undelete.adapters.sparse import NO_PICTURE, left_out
from undelete.adapters.targets import encode_target, target_names
from undelete.adapters.torch import is_module, unwrapped
from undelete.adapters.torch_loss import LossLike
from undelete.attacker.attack import Attack
from undelete.attacker.attacks import chosen
from undelete.attacker.baselines import INFORMED, NEAREST
from undelete.auditing import cautions, inputs, truths
from undelete.auditing.beyond import reached
from undelete.auditing.examine import examine
from undelete.auditing.inputs import Table
from undelete.auditing.network_features import Features
from undelete.auditing.network_played import People, simulate_network
from undelete.auditing.network_reading import Training, perceptrons
from undelete.auditing.played import examine_together, people_together, played
from undelete.auditing.played_beside import TextProblem, told
from undelete.auditing.played_told import exact, of_groups, own_fit, question, retraining
from undelete.auditing.problem import Problem
from undelete.auditing.protection import digest, digest_of, own_parameters
from undelete.auditing.result import Audit
from undelete.auditing.setting import Setting
from undelete.auditing.statements import Statement, measured_of, read_stated
from undelete.auditing.surveyed import named, standing_for, told_of, unequal, unweighed
from undelete.auditing.tables import thinned_with
from undelete.auditing.words import DEFAULT, Words, described, seeds, target_words
from undelete.data.census import schema_of
from undelete.errors import InputError
from undelete.maintainer.game import refuse_unconverged
from undelete.maintainer.leave_one_out import Progress
from undelete.scoring.truth import Truth


def simulate(
    estimator: Any,
    X: Table,
    y: ArrayLike,
    X_public: Table,
    y_public: ArrayLike | None = None,
    *,
    deletions: int | ArrayLike | None = None,
    group: int = 1,
    joined: int = 0,
    attacks: Sequence[str | Attack] = (*DEFAULT, NEAREST, INFORMED),
    additions: bool = False,
    sample_weight: ArrayLike | str | None = None,
    offset: str | Sequence[str] | None = None,
    exposure: str | None = None,
    loss: LossLike | None = None,
    l2: float | Mapping[str, float] | None = None,
    weight_decay: float | Mapping[str, float] | None = None,
    features: Features | None = None,
    rng: int = 0,
    tol: float = 1e-9,
    words: Words | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    protection: Statement | Sequence[Statement] | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Play deletions before any happens: whom of these people would a deletion expose?

    The model is refitted to convergence, each chosen record is deleted alone with exact retraining, and
    each is attacked from the two models and the public records. The preprocessing of a Pipeline stays as it
    was fitted on all records. Of text beside other columns the words are told, too, and scored.

    Parameters
    ----------
    estimator : estimator, Pipeline, LinearModel, fitted result of statsmodels or torch.nn.Module
        Fitted or not; an unfitted one is fitted on X and y first. A module, or one of scikit-learn's perceptrons, is
        trained to its optimum from where it stands, the parameters that require a gradient, and the null pair, trained
        again with nobody deleted, is among the checks. The words of columns of text become columns of a dense table.
    X : DataFrame or array (n, columns)
        The private training records, raw.
    y : array (n,) or (n, k)
        Their targets.
    X_public : DataFrame or array (m, columns)
        Public records with the same columns.
    y_public : array (m,), optional
        Their targets. Needed for the squared hinge loss, and beside text.
    deletions : int or array of int, optional
        How many to delete, drawn at random, or which rows; by default 200. Of groups how many of these, by default 20,
        or their rows (groups, group + joined), those who leave first.
    group, joined : int
        How many people leave together, and how many join at the same time: then the old model is without those who
        join with any group.
    attacks : sequence of str or Attack
        Attacks and baselines, by name or your own; "informed" is the bound of an auditor who holds all other records.
    additions : bool
        Play that each of these people joined the others, and was not deleted: the same two models in the other order,
        and as much comes back.
    sample_weight : array (n,) or str, optional
        Factor of each training record's loss, or the column of both tables that holds it.
    offset, exposure : str, optional
        The tables' column that each record's prediction is shifted by, or whose logarithm it is: of a fitted result of
        statsmodels, or a LinearModel, that has an offset.
    loss, l2, weight_decay, features
        Of a module, as of `undelete.audit`; by default it has no penalty, and the table's columns go in as they are.
    rng : int
        Seed; the draw of the deletions, the attacks and the intervals each have a stream of their own.
    tol : float
        Largest |gradient|_inf / n over the remaining records that counts as retrained.
    words : Words, optional
        What the report calls things.
    checkpoint : path, optional
        Folder that remembers the deletions that are retrained, so that a simulation that was stopped goes on where
        it was. It holds models of private records.
    protection : path, mapping, or several of them, optional
        The protection.json that `undelete protect` wrote of this model: what its defences left and cost is advised.
    progress : callable, optional
        Called as progress(done, total).

    Returns
    -------
    Audit
        With scores, and the rows in `Audit.truth.rows`.

    Raises
    ------
    InputError
        When the input cannot be used, or a deletion does not converge.
    """
    words, stated, estimator = words or Words(), read_stated(protection, None, None), unwrapped(estimator)
    network = digest(*own_parameters(estimator)) if is_module(estimator) or is_perceptron(estimator) else ""
    texts, alike = words_beside(estimator), sample_weight is None
    together = people_together(group, joined, additions=additions, texts=texts, alike=alike)
    said = Training(loss, None, l2, weight_decay)
    if is_perceptron(estimator):
        estimator, _, said, features, _ = perceptrons(estimator, estimator, said, features)
    if is_module(estimator):
        if together or additions or any(one is not None for one in (sample_weight, offset, exposure)):
            raise InputError(
                "of a network deletions of one person each are played, of records that all count alike: leave out "
                "group, joined, additions, sample_weight, offset and exposure"
            )
        return simulate_network(
            estimator, People.of(X, y, X_public, y_public), said, features=features, deletions=deletions,
            attacks=[one for one in attacks if one is not INFORMED], rng=rng, tol=tol, words=words,
            protection=measured_of(stated, network), progress=progress,
        )  # fmt: skip
    if said != Training(None, None, None, None) or features is not None:
        raise InputError("loss, l2, weight_decay and features belong to a torch module: an estimator has its own")
    asked = chosen(attacks)
    deletions = (20 if together else 200) if deletions is None else deletions
    train = inputs.as_records(X)
    public, y_public, sampled = thinned_with(inputs.as_records(X_public), y_public)
    weights, train, public, counts = named(sample_weight, train, public)
    problem = (TextProblem if texts else Problem).of(
        estimator, train, y, public=public, sample_weight=weights, offset=named_offset(offset, exposure)
    )
    model, objective = problem.model, problem.objective
    public, y_public, like, refused = standing_for(model, public, y_public, counts, objective.n)
    draw, judge = seeds(rng).spawn(2)
    schema = words.schema or schema_of(map(str, train.columns))
    readout = inputs.pixels(model, public, schema.image)
    names = model.own_targets(target_names(y))
    Y_public = None if y_public is None else encode_target(model, y_public, ", ".join(names))
    view = inputs.public_view(model, public, Y_public, raw=readout is None)
    view["unlike"] = like.unlike
    setting = Setting(
        kind=words.kind or "simulate",
        text="",
        joined=additions,
        model=described(model, objective.n, words),
        target=target_words(model, names, words, schema),
        schema=schema,
        readout=readout,
        public_source=words.source,
        back=None if model.target_map is None else model.target_map.back,
        command=words.command,
        protection=measured_of(stated, digest_of(model)),
    )
    noted = [
        *refused,
        *unknown(model.design.conformed(public), model.design.uses),
        *cautions.overlap(train, y, public, y_public),
        *cautions.fixed_preprocessing(model),
        *cautions.offset_unknown(model),
        *like.notes,
    ]
    if together and not isinstance(problem, TextProblem):
        game = played(problem, deletions, group, joined, view, np.random.default_rng(draw), tol=tol,
                      progress=progress and (lambda done, total: progress(done, 2 * total)))  # fmt: skip
        setting = replace(setting, left=group, came=joined, text=of_groups(game, group, joined))
        return examine_together(
            game, train, setting, judge, attacks=asked, diagnostics=[own_fit(problem), exact(game)],
            warnings=[*words.notes, *sampled, *noted],
            progress=progress and (lambda done, total: progress(total + done, 2 * total)),
        )  # fmt: skip
    rows = inputs.rows(deletions, objective.n, np.random.default_rng(draw))
    problem.refuse_last_of_class(rows)
    before = len(rows) * (2 if texts else 1)  # of what the attacks take: retraining, and telling words
    steps = before + len(rows) * len(asked)
    retrained = problem.retrain(
        rows, tol=tol, checkpoint=None if checkpoint is None else Path(checkpoint),
        progress=progress and (lambda done, total: progress(done * len(rows) // total, steps)),
    )  # fmt: skip
    refuse_unconverged(retrained, tol)
    release, kept, documents, untold = told(
        problem, retrained, view, public, train.iloc[rows],
        progress and (lambda done, _: progress(len(rows) + done, steps)),
    )  # fmt: skip
    if kept is not None and readout is not None:
        raise InputError(NO_PICTURE)
    release = reached(release)
    if weights is not None:
        release = unequal(release, weights)
        if model.offset is None:  # over offsets a target is told with the weights' spread as it is
            asked = [unweighed(attack, weights) for attack in asked]
    X_true = objective.X[rows] if kept is None else objective.X[rows][:, kept]
    own = truths.own_columns(model, release, train.iloc[rows])
    truth = Truth(X=X_true, Y=objective.Y[rows], rows=rows, **own)
    return examine(
        release,
        asked,
        truth,
        replace(setting, text=question(objective.n, len(rows), images=readout is not None, additions=additions)),
        judge,
        remaining=problem.remaining_gradient(rows, kept) / (1.0 if weights is None else float(weights.mean())),
        diagnostics=[own_fit(problem), retraining(retrained)],
        warnings=[
            *words.notes,
            *sampled,
            *([] if weights is None else told_of(weights, public=counts is not None)),
            *cautions.taken_constant(model, release),
            *([] if kept is None else left_out(model, kept)),
            *untold,
            *noted,
            *cautions.stored(model, release),
        ],
        leaks=cautions.leaks(model, model, truth),
        documents=documents,
        progress=progress and (lambda done, _: progress(before + done, steps)),
    )
