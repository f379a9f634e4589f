"""Reads linear models of ONNX graphs, as skl2onnx writes them: scalers, imputers, one-hot encoders, one linear layer.

A graph is data: its nodes are looked at one by one, and none is run. What they do to the columns is written down as
for scikit-learn's own steps; a node that is not known is refused.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from undelete.adapters.design.design import Design
from undelete.adapters.design.encoding import Encoding
from undelete.adapters.design.polynomial import CONSTANT, Atom
from undelete.adapters.model import LinearModel
from undelete.adapters.onnx_graph import Graph, Scores
from undelete.adapters.onnx_steps import INSTEAD
from undelete.errors import InputError
from undelete.limits import metered
from undelete.maths.arrays import Floats
from undelete.maths.generalised import Gamma, NegativeBinomial, Poisson, Tweedie
from undelete.maths.loss import Loss
from undelete.maths.losses import Squared, loss_of
from undelete.maths.robust import SquaredTolerance

_STATED = "undelete.loss"  # in a graph's metadata, what the loss was
_LINKED: dict[str, tuple[type[Loss], ...]] = {
    "": (Squared, SquaredTolerance), "Exp": (Poisson, Gamma, Tweedie, NegativeBinomial),
}  # fmt: skip


def with_loss(model: Any, loss: Any) -> Any:
    """Return an ONNX graph that says the loss that it was fitted with; what is none as it is, and without a loss."""
    if loss is None or not is_onnx(model):
        return model
    if not isinstance(loss, str):
        raise InputError("the loss of an ONNX graph is a name, such as poisson or tweedie(1.5)")
    stating = type(model)()
    stating.CopyFrom(model)
    kept = [one for one in model.metadata_props if one.key != _STATED]
    del stating.metadata_props[:]
    stating.metadata_props.extend(kept)
    stating.metadata_props.add(key=_STATED, value=loss)
    return stating


def is_onnx(model: Any) -> bool:
    """Return whether something is an ONNX model."""
    return type(model).__name__ == "ModelProto" and hasattr(model, "graph")


def from_onnx(model: Any, public: pd.DataFrame, targets: Collection[str]) -> LinearModel:
    """Return an ONNX graph as a model.

    Parameters
    ----------
    model : onnx.ModelProto
        Inputs of one column each are named by the columns; one input of several has the public table's in their order.
    public : DataFrame
        Whose columns besides the targets a single input has.
    targets : collection of str
        The public table's target columns.

    Raises
    ------
    InputError
        When a node is not known, there is not one linear layer, or the graph does not say with which loss it was
        fitted.
    """
    if len(model.functions):
        raise InputError(f"the ONNX graph defines functions of its own, which are not read: {INSTEAD}")
    try:
        with metered():
            graph = Graph(model.graph, public, targets)
            for node in model.graph.node:
                graph.follow(node)
    except InputError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"the ONNX graph does not fit together ({error}): {INSTEAD}") from error
    scores = graph.scores
    if scores is None:
        raise InputError(f"the ONNX graph has no linear layer that is read: {INSTEAD}")
    stated = next((str(one.value) for one in model.metadata_props if one.key == _STATED), None)
    loss, coef, intercept = _each_loss(graph, scores, str(model.producer_name), stated)
    reading = graph.reading
    polynomials = [reading.numeric(feature) for feature in scores.features]
    has_constant = intercept is not None
    atoms = {atom for p in polynomials for monomial in p for atom, _ in monomial}
    used = {atom.column for atom in atoms} | {encoding.column for encoding in reading.encodings}
    names = [feature.name for feature in scores.features]
    if len(set(names)) < len(names):
        raise InputError(f"the ONNX graph makes two features of one name: {INSTEAD}")
    design = Design(
        raw=tuple(name for name in graph.columns if name in used),
        feature_names=(*names, *(("1",) if has_constant else ())),
        polynomials=(*polynomials, *(({CONSTANT: 1.0},) if has_constant else ())),
        has_constant=has_constant,
        scaling=dict(reading.scaling),
        encodings=tuple(_kept(encoding, atoms) for encoding in reading.encodings),
    )
    notes = ["an ONNX graph says neither its penalty nor its number of records: --n and --l2 do"]
    if graph.clipped:
        columns = ", ".join(map(repr, dict.fromkeys(graph.clipped)))
        notes.append(
            f"the ONNX graph clips {columns} where no public record lies: no training record is taken to lie there"
        )
    if loss == "squared" and stated is None:
        notes.append(
            "the ONNX graph does not say its loss, and the squared one is assumed (LinearRegression, Ridge): of one "
            "with another (HuberRegressor, LinearSVR) nothing here holds; save that as .skops"
        )
    return LinearModel(
        coef=coef, intercept=intercept, loss=loss, feature_names=names,
        classes=None if "number" in loss_of(loss).targets else scores.classes or [0, 1],
        design=design, kind="ONNX model", steps=tuple(reading.steps), notes=tuple(notes),
        # what an l1 penalty or a selection left out: which of them, nothing says
        chosen=bool((coef == 0).all(axis=0).any()),
    )  # fmt: skip


def _kept(encoding: Encoding, atoms: Collection[Atom]) -> Encoding:
    """Return an encoding without the indicators that the graph leaves out after it, as of `drop="first"`."""
    if encoding.ordinal:
        return encoding
    kept = tuple(atom for atom in encoding.groups if atom in atoms)
    gone = tuple(cell for cell, atom in zip(encoding.known, encoding.groups, strict=True) if atom not in atoms)
    return replace(encoding, groups=kept, dropped=gone)


def _each_loss(graph: Graph, scores: Scores, producer: str, stated: str | None) -> tuple[str, Floats, Floats | None]:
    """Return the loss, and the coefficients and intercepts of its outputs: of one layer, or of each class's."""
    if len(graph.layers) == 1:
        return _loss(scores, producer, stated)
    if scores in graph.layers:
        raise InputError(f"the ONNX graph has several linear layers: {INSTEAD}")
    parts = [_loss(layer, producer, None) for layer in graph.layers]
    if any(loss != "logistic" or len(coef) != 1 for loss, coef, _ in parts):
        raise InputError(f"the ONNX graph has a model for each class that is no logistic one: {INSTEAD}")
    intercepts = [np.zeros(1) if intercept is None else intercept for _, _, intercept in parts]
    none = all(intercept is None for _, _, intercept in parts)
    return "logistic", np.vstack([coef for _, coef, _ in parts]), None if none else np.concatenate(intercepts)


def _loss(scores: Scores, producer: str, stated: str | None) -> tuple[str, Floats, Floats | None]:
    """Return the loss, and the coefficients and intercepts of its outputs."""
    coef, intercept, k = scores.coef, scores.intercept, len(scores.coef)
    if scores.link == "Softmax" and k > 2:
        return "softmax", coef, intercept
    if scores.link in ("Sigmoid", "Softmax") and k == 2:
        if not np.array_equal(coef[0], -coef[1]) or (intercept is not None and intercept[0] != -intercept[1]):
            raise InputError(f"the two classes of the ONNX graph have coefficients of their own: {INSTEAD}")
        twice = 2.0 if scores.link == "Softmax" else 1.0
        return "logistic", twice * coef[1:], None if intercept is None else twice * intercept[1:]
    if scores.link == "Sigmoid" and (k == 1 or (scores.classes and producer == "skl2onnx")):  # each against the rest
        return "logistic", coef, intercept
    if stated is not None:
        if not isinstance(loss_of(stated), _LINKED.get(scores.link, ())):
            raise InputError(
                f"the ONNX graph's link ({scores.link or 'identity'}) is not that of the loss {stated}: give the loss "
                "that it was fitted with (loss=, --loss)"
            )
        return stated, coef, intercept
    if scores.link == "Exp":
        raise InputError(
            "the ONNX graph has a logarithmic link, and does not say whether the loss was Poisson's, Gamma's or "
            "Tweedie's: say it (loss=, --loss poisson, gamma, tweedie(1.5), negative_binomial(0.5))"
        )
    if scores.link or scores.labelled or scores.classes or producer != "skl2onnx":
        raise InputError(
            "the ONNX graph does not say with which loss it was fitted (of classes, it makes no probabilities of one "
            f"logistic or softmax model; of numbers, it is not of skl2onnx): {INSTEAD}"
        )
    return "squared", coef, intercept
