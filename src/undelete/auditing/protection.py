"""The result of playing defences: what each leaves of the attack and costs, and the model to hand out."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from undelete.adapters.files.files import save_model
from undelete.adapters.files.networks import save_network
from undelete.adapters.model import LinearModel
from undelete.adapters.sklearn.perceptron import is_perceptron, read_perceptron
from undelete.adapters.sklearn.pipeline import from_sklearn
from undelete.adapters.torch import is_module
from undelete.environment import environment
from undelete.errors import InputError
from undelete.files import write
from undelete.maintainer.defences.ladder import DEFENCES
from undelete.maths.arrays import Floats
from undelete.release.protection import Law
from undelete.report import formatting

FILE = "protection.json"
PICTURES = "pictures.png"  # beside it, where records are images: these are private
SCHEMA = "undelete.protection/3"
NONE, REFITTING = "none", "refitting"
NO_FILE = {NONE, REFITTING} | {name for name, one in DEFENCES.items() if one.only_a_way}
"""Rows that are a way to release, or none at all: there is no other model to hand out."""
TELLING = 1.0  # epsilon: nobody's odds of anything about a person change by more than a factor of 2.7
ENOUGH = 20  # deletions from which on a measurement is believed
PROOFS = {
    "proved": "proved of the coefficients; the preprocessing in the file is as it was fitted, without a bound",
    "measured": "measured: our strongest attack, which knows the defence; no bound for a stronger one",
    "unknowing": "looks safe only to an attacker who does not know it",
}


@dataclass(frozen=True, eq=False)
class Pictures:
    """What each row leaves of some deleted pictures: private records, so that protection.json has none of it.

    Parameters
    ----------
    heads : sequence of str
        What each picture is of.
    deleted : list
        The true pictures, as nested lists of whole numbers from 0 to 255.
    rows : list of dict or None
        Of each row of the table `pixels`, alike (None where nothing came back), and `near`, their centred cosines;
        None of a row whose deletions are others.
    """

    heads: Sequence[str]
    deleted: list[Any]
    rows: list[dict[str, Any] | None]


@dataclass(frozen=True, eq=False)
class Protection:
    """Defences with what each leaves and costs, as `undelete.protect` returns them.

    Attributes
    ----------
    table : DataFrame
        One row a defence and strength, the first without any: `defence`, `label`, `strength`, `unit`, `proof`,
        `epsilon` and `delta` (of one release, where proved), `epsilon_two_releases`, `exposure` with its 95 % interval
        `exposure_low` and `exposure_high` (mean centred cosine of the strongest of our attacks, which know the defence,
        less what its answers share with others who were deleted; 0 where negative), `whole_records` (share recovered
        exactly), `utility` (R2 or accuracy on public records), `utility_loss` with `utility_loss_low` and
        `utility_loss_high`, `loss`, `auc`, `calibration`, `largest_change` (of an answer), `coefficients_moved` (the
        largest change of one in its standard errors), `exposure_unknowing` (by who does not know the defence, where
        that may differ and exposure is over the limit), `standing` ("proved", "measured", or "unknowing": it looks safe
        only to who does not know it), `chance_before` and `chance_after` (of being right about a whole record: by the
        commonest public one, and the most that a proof leaves to anybody), `quantiles` (of the exposure over deletions,
        each twentieth).
    recommended : Series or None
        The row that is within the limits: one that proves an epsilon of 1 at most where there is one, then the one that
        costs least; None where no row is.
    model : estimator, Pipeline, LinearModel or torch.nn.Module, or None
        The protected model of that row.
    refused : dict of str to str
        Defences that do not apply to this model, and why.
    limits : dict
        `max_exposure`, `max_loss`, `epsilon`.
    deletions : int
        How many were played.
    of : str
        Digest of the parameters of the model that was given.
    law : Law or None
        By what law that model was made; None where there is none.
    pictures : Pictures or None
        Of records that are images, some of those that were played, under each row.
    warnings : tuple of str
        What makes the result mean less than it seems.
    """

    table: pd.DataFrame
    recommended: pd.Series[Any] | None
    model: Any
    refused: dict[str, str]
    limits: dict[str, float | None]
    deletions: int
    of: str = ""
    law: Law | None = None
    pictures: Pictures | None = None
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        told = "none is within the limits"
        if self.recommended is not None:
            row = {str(name): value for name, value in self.recommended.items()}
            held = formatting.strength(row | {"strength": None if pd.isna(row["strength"]) else row["strength"]})
            told = ", ".join(part for part in (str(row["label"]), held) if part)
            told += f": exposure {row['exposure']:.3f}, loss {row['utility_loss']:.4f}"
        return f"<Protection of {self.deletions:,} deletions played under {len(self.table) - 1} defences: {told}>"

    def document(self) -> dict[str, Any]:
        """Return what protection.json holds: the recommended row, the whole table, and by what it was chosen."""
        rows: list[dict[str, Any]] = json.loads(self.table.to_json(orient="records"))
        chosen = None if self.recommended is None else rows[int(str(self.recommended.name))]
        return {
            "schema": SCHEMA,
            "deletions": self.deletions,
            "of": self.of,
            "limits": self.limits,
            "recommended": chosen,
            "means": None if chosen is None else _means(chosen),
            "law": None if self.law is None else self.law.document(),
            "parameters": None if self.model is None else digest(*own_parameters(self.model)),
            "refused": self.refused,
            "warnings": list(self.warnings),
            "table": rows,
            "environment": environment(),
        }

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the protected model, and ``protection.json`` beside it; return that file.

        Parameters
        ----------
        path : path
            .skops for an estimator, .json or .npz for a `LinearModel`, .safetensors for a module; a folder where no
            defence is within the limits, for protection.json alone.

        Raises
        ------
        InputError
            For a model's file name when no defence is within the limits.
        """
        place = Path(path)
        if self.model is None and not place.is_dir():
            raise InputError(
                "no defence is within the limits, so there is no protected model to write: allow more loss or more "
                "exposure, or play other defences"
            )
        beside = (place if self.model is None else place.parent) / FILE
        if self.model is not None:
            (save_network if is_module(self.model) else save_model)(self.model, place)
        write(beside, json.dumps(self.document(), indent=1) + "\n")
        return beside


def digest(coef: Floats, intercept: Floats | None) -> str:
    """Return the SHA-256 of a model's parameters: which model a protection.json speaks of, in whatever file it is."""
    found = sha256()
    for part in (coef, intercept):
        found.update(b";" if part is None else np.ascontiguousarray(part, dtype="<f8").tobytes() + b",")
    return found.hexdigest()


def digest_of(model: LinearModel) -> str:
    """Return the digest of a model as it was given."""
    return digest(model.coef, model.intercept)


def with_standing(table: pd.DataFrame, limit: float) -> pd.DataFrame:
    """Return a table with what stands behind each row: a key of `PROOFS`.

    A proof of more than an epsilon of `TELLING` bounds little, so it counts as a measurement.
    """
    proved = (table["proof"] == "proved") & (table["epsilon"].astype(float) <= TELLING)
    seems = (table["exposure_low"] > limit) & (table["exposure_unknowing"].astype(float) <= limit)
    return table.assign(standing=np.select([proved, seems], ["proved", "unknowing"], "measured"))


def own_parameters(model: Any) -> tuple[Floats, Floats | None]:
    """Return the parameters of a model that is handed out: (k, d), (k,) of a linear one, (p,) of a network."""
    if is_module(model) or is_perceptron(model):
        module = model if is_module(model) else read_perceptron(model).module
        return np.concatenate([one.detach().cpu().double().numpy().ravel() for one in module.parameters()]), None
    held = model if isinstance(model, LinearModel) else from_sklearn(model, None, None)
    return held.coef, held.intercept


def _means(row: Mapping[str, Any]) -> str:
    """Return what stands behind a row: a proof that says something, or a measurement."""
    if row["proof"] == "proved" and row["epsilon"] > TELLING:
        return f"{PROOFS['measured']}; an epsilon of {row['epsilon']:g} is proved, which bounds little"
    return PROOFS[row["proof"]]


def recommended(table: pd.DataFrame, limits: Mapping[str, float | None], deletions: int) -> int | None:
    """Return the row within the limits: proved before measured, then the least loss, then the weakest.

    Of fewer than `ENOUGH` deletions no measurement counts, whatever its interval.
    """
    max_exposure, max_loss, epsilon = (limits[name] for name in ("max_exposure", "max_loss", "epsilon"))
    # a proof does not rest on how many deletions were played; a measurement does
    exposed = table["exposure"].where(table["epsilon"] <= TELLING, table["exposure_high"])
    fits = (exposed <= max_exposure) & (table["utility_loss_high"] <= max_loss)
    fits &= ~table["defence"].isin(NO_FILE) & ((table["epsilon"] <= TELLING) | (deletions >= ENOUGH))
    if epsilon is not None:
        fits &= table["epsilon"].notna() & (table["epsilon"] <= epsilon)
    within = table[fits]
    if within.empty:
        return None
    ranked = within.assign(measured=~(within["epsilon"] <= TELLING), lost=within["utility_loss"].clip(lower=0))
    return int(ranked.sort_values(["measured", "lost"], kind="stable").index[0])
