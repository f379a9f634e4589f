"""`simulate` of a network: trained to its optimum with and without each of some people, and attacked.

Beside the deletions stands the null pair: from the model without a person training goes back to all records, nobody
deleted. What is left of a difference then is the floor under all scores.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from undelete.attacker.attack import Attack
from undelete.attacker.networks.attack import attack
from undelete.auditing import cautions, inputs
from undelete.auditing.diagnostics import Diagnostic
from undelete.auditing.inputs import Table
from undelete.auditing.network_features import Features
from undelete.auditing.network_reading import Reading, Training, read_networks, true_records
from undelete.auditing.networks import asked_attacks, described_networks, examined, target_of
from undelete.auditing.result import Audit
from undelete.auditing.setting import Setting
from undelete.auditing.tables import thinned_with
from undelete.auditing.words import Words, seeds
from undelete.data.census import schema_of
from undelete.errors import InputError
from undelete.maintainer.networks import Fit, Trained, retrain, retrain_without, train
from undelete.maths.arrays import Floats
from undelete.release.networks import NetworkRelease
from undelete.scoring.scores import centred_cosine
from undelete.scoring.truth import Truth

_NULL = 3  # pairs with nobody deleted
_FLOOR = 0.01  # of a deletion's change, which training alone may leave
_NAME = "target"
DELETIONS = 20


@dataclass(frozen=True, eq=False)
class People:
    """The private and the public table, the target a column of each.

    Parameters
    ----------
    private, public : DataFrame
        With the target.
    target : str
        The column's name.
    sampled : list of str
        What to say where public rows were left out.
    """

    private: pd.DataFrame
    public: pd.DataFrame
    target: str
    sampled: list[str]

    @classmethod
    def of(cls, X: Table, y: ArrayLike, X_public: Table, y_public: ArrayLike | None) -> People:
        """Return both tables.

        Raises
        ------
        InputError
            When public targets are missing, or lengths differ.
        """
        if y_public is None:
            raise InputError("a network's public records need their targets: give y_public")
        public, y_public, sampled = thinned_with(inputs.as_records(X_public), y_public)
        private = inputs.as_records(X)
        name = str(getattr(y, "name", None) or _NAME)
        while name in private:
            name += "_"
        made = []
        for table, values, what in ((private, y, "y"), (public, y_public, "y_public")):
            column = np.asarray(values).reshape(len(np.asarray(values)), -1)
            if column.shape != (len(table), 1):
                raise InputError(
                    f"{what} has shape {column.shape}, and there are {len(table):,} records: give one target each"
                )
            made.append(table.copy())
            made[-1][name] = column[:, 0]
        return cls(made[0], made[1], name, list(sampled))

    def told(self) -> list[str]:
        """Return what is said of the tables: that the public one is a sample, or has the private records."""
        y, y_public = (table[self.target] for table in (self.private, self.public))
        own, seen = (table.drop(columns=[self.target]) for table in (self.private, self.public))
        return [*self.sampled, *cautions.overlap(own, y, seen, y_public)]


def simulate_network(
    module: Any,
    people: People,
    training: Training,
    *,
    features: Features | None,
    deletions: int | ArrayLike | None,
    attacks: Sequence[str | Attack],
    rng: int,
    tol: float,
    words: Words,
    protection: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Audit:
    """Play deletions from a network that is trained to its optimum; see `undelete.simulate`."""
    names = asked_attacks(attacks)
    training = dataclasses.replace(training, n=len(people.private))
    pair, release, reading = read_networks(
        module, copy.deepcopy(module), people.public, training, features=features, target=people.target
    )
    release, start = trainable(module, release)
    draw, judge = seeds(rng).spawn(2)
    rows = inputs.rows(DELETIONS if deletions is None else deletions, len(people.private), np.random.default_rng(draw))
    fit = private_fit(people, reading, release)
    old = converged(train(fit, start, tol=tol), "all records")
    steps = 2 * len(rows)  # each is retrained, and attacked
    gone = retrain_without(
        fit, old, rows, tol=tol, l2=release.penalty_after, progress=progress and (lambda done, _: progress(done, steps))
    )
    after = np.stack([converged(one, f"all records but {row}") for row, one in zip(rows, gone, strict=True)])
    release = dataclasses.replace(release, theta_before=old, theta_after=after)
    attacked = attack(release, names, progress and (lambda done, _: progress(len(rows) + done, steps)))
    release = attacked.release
    truth = dataclasses.replace(true_records(people.private.iloc[rows], reading, release), rows=rows)
    pair = dataclasses.replace(pair, network=release.network, rounding=0.0, digits="float64")
    schema = words.schema or schema_of([str(name) for name in people.private.columns])
    setting = Setting(
        kind=words.kind or "simulate",
        text="Whom of these people would a deletion expose, and how much of each record?",
        model=described_networks(pair, release, words),
        target=words.target or target_of(reading, schema),
        schema=schema,
        public_source=words.source,
        command=words.command,
        protection=protection,
    )
    return examined(
        release, attacked, truth, pair, reading, setting, judge, warnings=[*words.notes, *people.told()],
        more=[_null_pair(fit, release, truth, tol), _trained(gone, tol)],
    )  # fmt: skip


def trainable(module: Any, release: NetworkRelease) -> tuple[NetworkRelease, Floats]:
    """Return the release with the parameters that are trained, and where they start."""
    moved = [name for name, value in module.named_parameters() if value.requires_grad]
    if not moved:
        raise InputError("no parameter of the network is to be trained: all have requires_grad False; set it for some")
    network = dataclasses.replace(release.network, moved=moved)
    own = {name: value.detach().cpu().double().numpy() for name, value in module.named_parameters()}
    place = {name: part for name, _, part in release.network.sizes}
    first, second = (
        np.concatenate([penalty[place[name]] for name in network.moved])
        for penalty in (release.penalty_before, release.penalty_after)
    )
    start = network.vector(own)
    release = dataclasses.replace(
        release,
        network=network,
        theta_before=start,
        theta_after=start[None],
        penalty_before=first,
        penalty_after=second,
    )
    return release, start


def private_fit(people: People, reading: Reading, release: NetworkRelease) -> Fit:
    """Return the objective on the private table."""
    private = true_records(people.private, reading, release)
    assert private.Y is not None
    return Fit(release.network, private.X, release.as_loss(private.Y), release.penalty_before)


def converged(one: Trained, what: str) -> Floats:
    """Return trained parameters (p,); InputError where training did not end, on `what`."""
    if not one.converged:
        raise InputError(
            f"the network did not converge on {what}: a gradient of {one.gradient_norm:.1g} a record is left. "
            "Deletions can only be played between optima: use a smooth activation (softplus, tanh), a penalty, or a "
            "larger tol"
        )
    return one.theta


def _null_pair(fit: Fit, release: NetworkRelease, truth: Truth, tol: float) -> Diagnostic:
    """Measure what training leaves where nobody is deleted, and what the attack makes of it."""
    few = release.take(slice(0, _NULL))
    back = np.stack([retrain(fit, theta, tol=tol).theta for theta in few.theta_after])
    change, floor = (
        float(np.median(np.linalg.norm(theta - release.theta_before, axis=1))) for theta in (release.theta_after, back)
    )
    share = floor / change if change > 0 else np.inf
    found = attack(dataclasses.replace(few, theta_after=back), ["hrec+"]).found["hrec+"]
    near = centred_cosine(truth.X[: len(back)], found.X, release.X_public.mean(axis=0))
    score = float(np.median(np.nan_to_num(near)))
    value = f"{share:.1g} of a deletion's change; attacked likewise, centred cosine {score:.2f}"
    if not share <= _FLOOR:
        text = (
            "Trained again with nobody deleted the network moves by nearly as much as by a deletion: the gradient at "
            "which training ends is too large for what is asked. Use a smaller tol."
        )
        return Diagnostic("Null pair", value, False, text, blocking=True)
    text = "Trained again with nobody deleted the network comes back to where it was: a difference is the person's."
    return Diagnostic("Null pair", value, True, text)


def _trained(gone: Sequence[Trained], tol: float) -> Diagnostic:
    largest = max(one.gradient_norm for one in gone)
    text = "Each deletion is retrained to its own optimum, in double precision."
    return Diagnostic("Retraining", f"gradient at most {largest:.1g} a record, of {tol:g} asked for", True, text)
