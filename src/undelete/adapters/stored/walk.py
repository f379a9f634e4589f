"""Every estimator inside a fitted one, with the columns that it was given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from undelete.adapters.stored.feature import FLOWS, Feature, derived
from undelete.adapters.stored.inert import Part, part_of
from undelete.adapters.stored.statistic import TARGET, TRANSFORMED
from undelete.errors import InputError

_DEPTH = 24  # estimators in estimators
# fields in which estimators hold others that were given the same columns
_INSIDE = (
    "best_estimator_", "estimator_", "estimators_", "regressor_", "calibrated_classifiers_", "estimator",
    "base_estimator_", "nbrs_", "initial_imputer_", "_results",
)  # fmt: skip


_CODES = ("VotingClassifier", "StackingClassifier")  # which number the classes for their models


@dataclass(frozen=True, eq=False)
class Visit:
    """One fitted estimator and the columns that it was given.

    Parameters
    ----------
    source : str
        Where it stands, in words: "num > scale > StandardScaler".
    part : Part
        What it stores.
    features : sequence of Feature
        In the order in which it was given them; none where that is not known.
    outer : Part or None
        The estimator that holds it.
    target : str
        What it was fitted to.
    """

    source: str
    part: Part
    features: Sequence[Feature]
    outer: Part | None = None
    target: str = TARGET


def visits(model: Any, names: Sequence[str] | None = None) -> list[Visit]:
    """Return every estimator inside a fitted one, outermost first.

    Parameters
    ----------
    model : estimator or Part
        Fitted, of scikit-learn or statsmodels.
    names : sequence of str, optional
        The raw columns; those that it remembers by default.
    """
    part = part_of(model)
    first = names if names is not None else names_of(part)
    found: list[Visit] = []
    _Walk(found).through(part, [Feature(name, name) for name in first], "", 0)
    return found


def names_of(part: Part, depth: int = 0) -> list[str]:
    """Return the raw columns that a fitted estimator remembers; x0, x1, ... where it has no names."""
    named = part["feature_names_in_"]
    if named is not None:
        return [str(name) for name in named]
    inside = _first(part)
    if inside is not None and depth < _DEPTH:
        return names_of(inside, depth + 1)
    count = part["n_features_in_"]
    if isinstance(count, int | np.integer):
        return [f"x{j}" for j in range(int(count))]
    return ["text"] if part["vocabulary_"] is not None else []


def _first(part: Part) -> Part | None:
    """Return the estimator inside that sees the raw columns first."""
    steps = part["steps"]
    if part.kind == "Pipeline" and steps:
        return next((part_of(step) for _, step in steps if _there(step)), None)
    if part.kind == "FeatureUnion":
        return part_of(part["transformer_list"][0][1])
    inside = part["best_estimator_"] or (part["estimator"] if part.kind == "FrozenEstimator" else None)
    return None if inside is None else part_of(inside)


def _there(step: Any) -> bool:
    return step is not None and not isinstance(step, str)


class _Walk:
    def __init__(self, found: list[Visit]) -> None:
        self.found = found
        self.target = TARGET
        self.classes: Any = None  # what a holder calls those for which its models have 0, 1, ...

    def through(
        self, part: Part, features: list[Feature], path: str, depth: int, outer: Part | None = None
    ) -> list[Feature]:
        """Visit an estimator and all inside, and return the columns that leave it."""
        if depth > _DEPTH:
            raise InputError(f"the model holds estimators {_DEPTH} deep or more: give what is inside")
        if part.kind == "Pipeline":
            for name, step in part["steps"]:
                if _there(step):
                    features = self.through(part_of(step), features, f"{path}{name} > ", depth + 1)
            return features
        if part.kind == "ColumnTransformer":
            return self._side_by_side(part, features, path, depth)
        if part.kind == "FeatureUnion":
            parts = [(n, s) for n, s in part["transformer_list"] if _there(s) or s == "passthrough"]
            return [f for name, step in parts for f in self._branch(step, features, f"{path}{name} > ", depth)]
        if part.kind == "FrozenEstimator":
            return self.through(part_of(part["estimator"]), features, path, depth + 1)
        part = self._decoded(part)
        if len(features) != _expected(part, len(features)):  # a step before it made others than is known
            features = derived(part, _expected(part, 0))
        self.found.append(Visit(f"{path}{part.kind}", part, list(features), outer, self.target))
        if part.kind == "TransformedTargetRegressor" and part["transformer_"] is not None:
            return self._of_target(part, features, path, depth)
        chosen = part["estimators_features_"]  # a bag of estimators may give each some of the columns
        outside, self.classes = self.classes, part["classes_"] if part.kind in _CODES else self.classes
        for name, place, inside in _inside(part):
            some = chosen is not None and name.startswith("estimators_")
            given = [features[int(j)] for j in chosen[place]] if some else features
            self.through(inside, list(given), f"{path}{part.kind}.{name} > ", depth + 1, part)
        self.classes = outside
        flow = FLOWS.get(part.kind)
        return flow(part, features) if flow is not None else derived(part, _made(part))

    def _decoded(self, part: Part) -> Part:
        """Return a part with its classes as the holder calls them."""
        own = part["classes_"]
        if self.classes is None or own is None or not np.array_equal(own, np.arange(len(self.classes))):
            return part
        return replace(part, fields={**part.fields, "classes_": self.classes})

    def _of_target(self, part: Part, features: list[Feature], path: str, depth: int) -> list[Feature]:
        """Visit what transforms a target, and what is then fitted to another one."""
        scaler, outside = part_of(part["transformer_"]), self.target
        if part["_training_dim"] == 1:
            self.through(scaler, [Feature(outside, outside)], f"{path}{part.kind}.transformer_ > ", depth + 1, part)
        self.target = outside if scaler.kind == "FunctionTransformer" and scaler["func"] is None else TRANSFORMED
        self.through(part_of(part["regressor_"]), features, f"{path}{part.kind}.regressor_ > ", depth + 1, part)
        self.target = outside
        return derived(part, _made(part))

    def _branch(self, step: Any, features: list[Feature], path: str, depth: int) -> list[Feature]:
        return list(features) if step == "passthrough" else self.through(part_of(step), features, path, depth + 1)

    def _side_by_side(self, part: Part, features: list[Feature], path: str, depth: int) -> list[Feature]:
        chosen: Mapping[str, Sequence[int]] = part["_transformer_to_input_indices"] or {}
        weights = part["transformer_weights"] or {}
        result: list[Feature] = []
        for name, step, _ in part["transformers_"] or ():
            places = [int(i) for i in chosen.get(name, ())]
            if step is None or (isinstance(step, str) and step == "drop") or not places:
                continue
            out = self._branch(step, [features[i] for i in places], f"{path}{name} > ", depth)
            weight = float(weights.get(name) or 1.0)
            result += out if weight == 1.0 else [f.rescaled(1 / weight, 0.0) for f in out]
        return result


def _expected(part: Part, given: int) -> int:
    count = part["n_features_in_"]
    return int(count) if isinstance(count, int | np.integer) else given


def _made(part: Part) -> int:
    """Return how many features an estimator makes, where its fields say it; else 0."""
    for name in ("components_", "quantiles_"):
        array = part.array(name)
        if array is not None and array.ndim == 2:
            return int(array.shape[0] if name == "components_" else array.shape[1])
    return 0


def _inside(part: Part) -> Iterator[tuple[str, int, Part]]:
    """Yield the fitted estimators that an estimator holds and that read the same columns."""
    for name in _INSIDE:
        if name == "estimator" and part.kind != "_CalibratedClassifier":
            continue  # as given, not fitted
        held = list(_estimators(part[name]))
        for place, one in enumerate(held):
            yield (name if len(held) == 1 else f"{name}[{place}]"), place, part_of(one)


def _estimators(held: Any) -> Iterator[Any]:
    if isinstance(held, list | tuple) or (isinstance(held, np.ndarray) and held.dtype == object):
        for one in held:
            yield from _estimators(one)
    elif isinstance(held, Part) or (hasattr(held, "__dict__") and not isinstance(held, str | type)):
        yield held
