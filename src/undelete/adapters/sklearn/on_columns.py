"""A linear model on columns that a preprocessing was read into."""

from __future__ import annotations

import numpy as np
import pandas as pd

from undelete.adapters.design.cells import Cells
from undelete.adapters.design.design import Design
from undelete.adapters.design.polynomial import CONSTANT, Polynomial
from undelete.adapters.model import LinearModel
from undelete.adapters.sklearn.linear import Linear
from undelete.adapters.sklearn.reading import Feature, Reading
from undelete.errors import InputError
from undelete.maths.embeddings import Embedding


def standardisation(public: pd.DataFrame | None, names: list[str]) -> dict[str, tuple[float, float]]:
    """Return a centre and scale for each number column of the public table.

    The scale is a power of two and the centre a multiple of it, so that whole numbers are standardised, and
    turned back, without round-off.
    """
    if public is None:
        return {}
    cells = Cells(public)
    found = {}
    for name in names:
        if not cells.has(name) or cells.is_text(name):
            continue  # the model may not read this column at all; if it does, `transform` complains
        numbers = cells.finite(name)
        deviation = float(numbers.std()) if len(numbers) else 0.0
        if deviation > 0:
            scale = float(2.0 ** np.round(np.log2(deviation)))
            found[name] = (float(np.round(numbers.mean() / scale)) * scale, scale)
    return found


def _apart(names: list[str]) -> list[str]:
    """Return names of which no two are equal: a second `age` becomes `age#2`, unless something else is called that."""
    own, used, labels = set(names), set[str](), []
    for name in names:
        label, number = name, 1
        while label in used or (number > 1 and label in own):
            number += 1
            label = f"{name}#{number}"
        used.add(label)
        labels.append(label)
    return labels


def model_of(
    linear: Linear, names: list[str], features: list[Feature], reading: Reading, embedding: Embedding | None
) -> LinearModel:
    """Return a linear model on columns that were read, with or without an embedding of them."""
    made = len(features) if embedding is None else embedding.features
    if made != linear.coef.shape[1]:
        raise InputError(
            f"the pipeline makes {made} features and the {linear.kind} has {linear.coef.shape[1]} "
            "coefficients: a step was changed after fitting; refit it"
        )
    polynomials: list[Polynomial] = [reading.numeric(feature) for feature in features]
    labels = _apart([feature.name for feature in features])
    has_constant = linear.intercept is not None and embedding is None  # an embedding's own comes after it
    if has_constant:
        polynomials.append({CONSTANT: 1.0})
    read_columns = {atom.column for p in polynomials for monomial in p for atom, _ in monomial}
    read_columns |= {encoding.column for encoding in reading.encodings}
    design = Design(
        raw=tuple(name for name in names if name in read_columns),
        feature_names=(*labels, *(("1",) if has_constant else ())),
        polynomials=tuple(polynomials),
        has_constant=has_constant,
        scaling=dict(reading.scaling),
        encodings=tuple(reading.encodings),
    )
    return LinearModel(
        **linear.parts(made),
        feature_names=labels,
        n=reading.samples,
        design=design,
        steps=tuple(reading.steps),
        embedding=embedding,
    )
