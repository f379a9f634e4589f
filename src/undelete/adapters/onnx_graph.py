"""Follows the nodes of an ONNX graph from its columns to the scores of one linear layer; none of them is run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from undelete.adapters.design.polynomial import affine, multiply
from undelete.adapters.onnx_steps import INSTEAD, STEPS, array_of, column_called, options_of, text
from undelete.adapters.sklearn.on_columns import standardisation
from undelete.adapters.sklearn.preprocessing import read
from undelete.adapters.sklearn.reading import Feature, RawCells, Reading
from undelete.errors import InputError
from undelete.limits import FACTORS, HOW, allowed, spend
from undelete.maths.arrays import Floats

_SAME = ("Cast", "CastLike", "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze")
_LINKS = ("Sigmoid", "Softmax", "Exp")
# what makes labels and probabilities of scores, and nothing else
_LABELS = (*_SAME, "ArgMax", "ArrayFeatureExtractor", "ZipMap", "Normalizer", "Abs", "ReduceSum", "Div", "Slice")
_ROUND = 1e-6  # of the distance between a clip's ends, by which a value may be beyond them: single precision


@dataclass(eq=False)
class Scores:
    """What the linear layer makes of the features: coef (k, d0) and intercept (k,), and what follows."""

    features: list[Feature]
    coef: Floats
    intercept: Floats | None
    classes: list[Any] = field(default_factory=list)
    link: str = ""
    labelled: bool = False


class Graph:
    """What is known of each value of a graph: columns, constants, or scores."""

    def __init__(self, graph: Any, public: pd.DataFrame, targets: Collection[str]) -> None:
        self.layers: list[Scores] = []  # one, or of classes against the rest one each
        self.scores: Scores | None = None  # what the last of them, or all together, are
        self.values: dict[str, Any] = {one.name: array_of(one) for one in graph.initializer}
        self.columns: list[str] = []
        self.clipped: list[str] = []  # columns that are cut off where no public record reaches
        self.public = public
        entries = [one for one in graph.input if one.name not in self.values]
        widths = [_width(one) for one in entries]
        if all(width == 1 for width in widths) and len(entries) > 1:
            parts = [[column_called(str(one.name), public)] for one in entries]
        elif len(entries) == 1 and widths[0] == 1 and column_called(str(entries[0].name), public) in public.columns:
            parts = [[column_called(str(entries[0].name), public)]]
        elif len(entries) == 1:
            parts = [[str(name) for name in public.columns if name not in targets]]
            if widths[0] not in (None, len(parts[0])):
                raise InputError(
                    f"the ONNX graph reads {widths[0]} columns without names and the public table has {len(parts[0])} "
                    "besides the target: give the same columns in the same order"
                )
        else:
            raise InputError(f"the ONNX graph has several inputs of several columns each: {INSTEAD}")
        self.reading = Reading(standardisation(public, [name for names in parts for name in names]))
        for entry, names in zip(entries, parts, strict=True):
            self.values[entry.name] = [Feature(name, RawCells(name)) for name in names]
            self.columns += names

    def follow(self, node: Any) -> None:
        """Note what a node makes of its inputs."""
        spend(100)
        given: list[Any] = [self.values.get(name) for name in node.input if name]
        first, kind = next((one for one in given if isinstance(one, list | Scores)), None), str(node.op_type)
        if node.domain not in ("", "ai.onnx", "ai.onnx.ml"):
            raise InputError(f"the ONNX graph has a node {kind} of {node.domain}, which is not read: {INSTEAD}")
        if kind == "Constant" or first is None:
            made = (
                options_of(node).get("value") if kind == "Constant" else given[0] if kind in _SAME and given else None
            )
        elif isinstance(first, Scores):
            made = self._each(given) if kind == "Concat" else self._after(first, node, given)
        elif kind in ("Concat", "FeatureVectorizer") and all(isinstance(one, list) for one in given):
            spend(sum(len(part) for part in given))
            made = [feature for part in given for feature in part]
        elif kind in _SAME:
            made = first
        elif kind in STEPS:
            made = read(STEPS[kind](options_of(node), len(first)), first, self.reading)
        elif kind in ("Add", "Sub", "Mul", "Div") and len(given) == 2:
            made = self._shifted(kind, given, node)
        elif kind in ("ArrayFeatureExtractor", "Gather"):
            made = [first[int(i)] for i in np.ravel(given[1])]
        elif kind == "Split":
            parts = self._split(first, node, given)
            self.values.update(zip(node.output, parts, strict=False))
            return
        elif kind in ("ReduceProd", "ReduceSum"):
            made = self._together(kind, first)
        elif kind == "Clip":
            made = self._clipped(first, node)
        else:
            made = self.scores = self._linear(first, node, given)
            self.layers.append(made)
        for name in node.output:
            self.values[name] = made

    def _split(self, features: list[Feature], node: Any, given: Sequence[Any]) -> list[list[Feature]]:
        """Return groups of columns: of infrequent categories and the others."""
        sizes = [int(i) for i in np.ravel(given[1] if len(given) > 1 else options_of(node)["split"])]
        if sum(sizes) != len(features) or min(sizes) < 0:
            raise InputError(f"the ONNX graph splits {len(features)} columns into {sum(sizes)}: {INSTEAD}")
        ends = np.cumsum(sizes)
        return [features[end - size : end] for end, size in zip(ends, sizes, strict=True)]

    def _together(self, kind: str, features: list[Feature]) -> list[Feature]:
        """Return the product of columns, a polynomial feature; or their sum, one of several rare categories."""
        made, *others = (self.reading.numeric(feature) for feature in features)
        for other in others:
            if kind == "ReduceProd":
                made = multiply(made, other)
                if max(power for monomial in made for _, power in monomial) > allowed(FACTORS):
                    raise InputError(f"the ONNX graph takes a power above {allowed(FACTORS):,.0f} of a column ({HOW})")
            else:
                spend(len(made))
                made = {key: made.get(key, 0.0) + other.get(key, 0.0) for key in {**made, **other}}
        return [Feature(("*" if kind == "ReduceProd" else "+").join(one.name for one in features), made)]

    def _shifted(self, kind: str, given: Sequence[Any], node: Any) -> list[Feature]:
        """Return columns with a constant added, or times one."""
        features, constant = given
        if not isinstance(features, list):
            features, constant = constant, features
            if kind in ("Sub", "Div"):
                raise InputError(f"the ONNX graph takes columns from a number ({node.name or kind}): {INSTEAD}")
        if not isinstance(constant, np.ndarray):
            raise InputError(f"the ONNX graph computes with two columns ({node.name or kind}): {INSTEAD}")
        numbers = np.broadcast_to(np.ravel(constant).astype(np.float64), (len(features),))
        if not np.isfinite(numbers).all() or (kind == "Div" and not numbers.all()):
            raise InputError(f"the ONNX graph has numbers that are not finite ({node.name or kind}): {INSTEAD}")
        spend(len(features))
        slopes = numbers if kind == "Mul" else 1 / numbers if kind == "Div" else np.ones(len(features))
        shifts = numbers if kind == "Add" else -numbers if kind == "Sub" else np.zeros(len(features))
        # a column's own centre and scale, once known, keep powers and sums exact
        hints = [(float(x), 1.0) if kind == "Sub" else (0.0, 1.0) for x in numbers]
        return [
            Feature(one.name, affine(self.reading.numeric(one, hint), float(a), float(b)))
            for one, hint, a, b in zip(features, hints, slopes, shifts, strict=True)
        ]

    def _clipped(self, features: list[Feature], node: Any) -> list[Feature]:
        """Return columns that are cut off at two ends as they are, where every public record lies between these."""
        options, places = options_of(node), dict(zip(("x", "min", "max"), node.input, strict=False))
        low, high = (
            float(np.ravel(self.values[places[end]])[0]) if places.get(end) else float(options.get(end, none))
            for end, none in (("min", -np.inf), ("max", np.inf))
        )
        for feature in features:
            polynomial = self.reading.numeric(feature)
            atoms = {atom for monomial in polynomial for atom, _ in monomial}
            if len(atoms) != 1 or not all(atom.is_value for atom in atoms) or len(polynomial) > 2:
                raise InputError(f"the ONNX graph clips {feature.name!r}, which is no scaled column: {INSTEAD}")
            (atom,) = atoms
            centre, scale = self.reading.scaling[atom]
            cells = pd.to_numeric(self.public[atom.column], errors="coerce").to_numpy(dtype=float)
            numbers = polynomial.get(((atom, 1),), 0.0) * (cells - centre) / scale + polynomial.get((), 0.0)
            room = _ROUND * (high - low) if np.isfinite(high - low) else 0.0
            beyond = int(((numbers < low - room) | (numbers > high + room)).sum())
            if beyond:
                raise InputError(
                    f"the ONNX graph clips column {atom.column!r}, and {beyond:,} public records lie beyond its ends, "
                    f"where the model is not linear: leave these out of the public table, or {INSTEAD}"
                )
            self.clipped.append(atom.column)
        return features

    def _linear(self, features: list[Feature], node: Any, given: Sequence[Any]) -> Scores:
        """Return the scores of a linear layer."""
        kind, options = str(node.op_type), options_of(node)
        link, classes, intercept = "", [], None
        if kind in ("LinearClassifier", "LinearRegressor"):
            coef = np.asarray(options["coefficients"], dtype=np.float64).reshape(-1, len(features))
            intercept = np.asarray(options.get("intercepts", ()), dtype=np.float64)
            classes = list(options.get("classlabels_ints") or text(options.get("classlabels_strings", ())))
            transform = text([options.get("post_transform", "NONE")])[0]
            link = {"LOGISTIC": "Sigmoid", "SOFTMAX": "Softmax", "NONE": ""}.get(transform, transform)
        elif kind in ("MatMul", "Gemm") and len(given) > 1 and isinstance(given[1], np.ndarray):
            weights = np.asarray(given[1], dtype=np.float64)
            weights = weights.reshape(len(features), -1) if weights.ndim == 1 else weights
            coef = weights if options.get("transB") else weights.T
            intercept = np.ravel(given[2]).astype(np.float64) if len(given) > 2 else None
            if coef.shape[1] != len(features) or any(options.get(key, 1.0) != 1.0 for key in ("alpha", "beta")):
                raise InputError(f"the ONNX graph has a {kind} that does not fit its {len(features)} features")
        else:
            raise InputError(
                f"the ONNX graph has a node {kind}, which is not read (scalers, imputers, one-hot encoders and one "
                f"linear layer are): {INSTEAD}"
            )
        if intercept is not None and (not intercept.size or not intercept.any()):
            intercept = None
        return Scores(features, coef, intercept, classes, link)

    def _each(self, given: Sequence[Any]) -> Scores:
        """Return the scores of every class against the rest, from linear layers of one set of features."""
        parts = [one for one in given if isinstance(one, Scores)]
        if len(parts) < len(given) or [*map(id, parts)] != [*map(id, self.layers)] or len(parts) < 3:
            raise InputError(f"the ONNX graph puts scores beside something else: {INSTEAD}")
        features = [[(one.name, self.reading.numeric(one)) for one in part.features] for part in parts]
        if any(own != features[0] for own in features):
            raise InputError(
                "the ONNX graph has a model for each class, of features of its own (a scaler in each that was fitted "
                f"on other records): {INSTEAD}"
            )
        self.scores = Scores(parts[0].features, parts[0].coef, parts[0].intercept)
        return self.scores

    def _after(self, scores: Scores, node: Any, given: Sequence[Any]) -> Scores:
        """Note what is made of the scores, which no coefficient depends on."""
        kind = str(node.op_type)
        if kind == "Add" and not scores.link and isinstance(given[-1], np.ndarray):
            added = np.broadcast_to(np.ravel(given[-1]).astype(np.float64), (len(scores.coef),))
            scores.intercept = added if scores.intercept is None else scores.intercept + added
        elif kind in _LINKS and not scores.link:
            scores.link = kind
        elif kind not in _LABELS:
            raise InputError(f"the ONNX graph has a node {kind} after its linear layer, which is not read: {INSTEAD}")
        scores.labelled |= kind in ("ArgMax", "ZipMap")
        if kind == "ZipMap":
            options = options_of(node)
            scores.classes = list(options.get("classlabels_int64s") or text(options["classlabels_strings"]))
        elif kind == "ArrayFeatureExtractor" and isinstance(given[0], np.ndarray) and not scores.classes:
            scores.classes = np.ravel(given[0]).tolist()
        return scores


def _width(entry: Any) -> int | None:
    """Return how many columns an input has, None where it does not say."""
    axes = entry.type.tensor_type.shape.dim
    return int(axes[-1].dim_value) or None if len(axes) == 2 else 1 if len(axes) == 1 else None
