"""What estimators other than linear ones store of their training records: class means, sums, clusters, leaves.

Each reader is of classes of scikit-learn, by the names of their fields.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from undelete.adapters.sklearn.moments import Reader, classes_of, moments, place_of
from undelete.adapters.stored.feature import Feature
from undelete.adapters.stored.inert import part_of
from undelete.adapters.stored.statistic import TARGET, ClassMeans, Count, Own, Statistic, Total
from undelete.adapters.stored.walk import Visit


def _offset(visit: Visit) -> Iterator[Statistic]:
    yield from moments(visit, "X_offset_", None, visit.part.array("X_offset_"))


def _latent(visit: Visit) -> Iterator[Statistic]:
    yield from moments(visit, "_x_mean", None, visit.part.array("_x_mean"))


def _gaussian_bayes(visit: Visit) -> Iterator[Statistic]:
    part = visit.part
    counts, means, variances = (part.array(name) for name in ("class_count_", "theta_", "var_"))
    added = 0.0 if part.array("epsilon_") is None else float(part["epsilon_"])
    yield from _class_counts(visit)
    if counts is None or means is None:
        return
    if variances is not None:
        variances = variances - added
    for k, label in enumerate(classes_of(part)):
        own = None if variances is None else variances[k]
        yield from moments(visit, "theta_", counts[k], means[k], own, group=str(label), noise=2.0**-53 * added)


def _class_counts(visit: Visit) -> Iterator[Statistic]:
    counts, labels = visit.part.array("class_count_"), classes_of(visit.part)
    if counts is None or counts.ndim != 1:
        return
    if len(labels) == len(counts):
        for label, n in zip(labels, counts, strict=True):
            yield Count(place_of(visit, "class_count_"), float(n), TARGET, str(label))
    yield Count(place_of(visit, "class_count_"), float(counts.sum()))


def _counting_bayes(visit: Visit) -> Iterator[Statistic]:
    part, sums = visit.part, visit.part.array("feature_count_")
    yield from _class_counts(visit)
    if sums is None or sums.ndim != 2 or sums.shape[1] != len(visit.features):
        return
    limit = part["binarize"]
    for k, label in enumerate(classes_of(part) if len(sums) > 1 else [""]):
        for feature, value in zip(visit.features, sums[k], strict=True):
            if feature.column is None or (feature.slope, feature.offset) != (1.0, 0.0):
                continue
            own = feature
            if part.kind == "BernoulliNB" and feature.category is None:
                own = Feature(feature.name, f"{feature.column} > {limit or 0:g}", word=feature.word)
            yield Total(place_of(visit, "feature_count_"), own, float(value), str(label))


def _category_bayes(visit: Visit) -> Iterator[Statistic]:
    part = visit.part
    yield from _class_counts(visit)
    for feature, table in zip(visit.features, part["category_count_"] or (), strict=False):
        values = list(range(np.shape(table)[1])) if feature.codes is None else list(feature.codes)
        for k, label in enumerate(classes_of(part)):
            for value, total in zip(values, np.asarray(table, dtype=float)[k], strict=False):
                own = Feature(feature.name, feature.column, category=value, fills=feature.fills)
                yield Total(place_of(visit, "category_count_"), own, float(total), str(label))


def _discriminant(visit: Visit) -> Iterator[Statistic]:
    """Yield class means; how many records each class has follows from two files' shares, where no priors were given."""
    part, means = visit.part, visit.part.array("means_")
    shares = part.array("priors_")
    if means is None or shares is None:
        return
    if part["priors"] is not None:
        if len(visit.features) == means.shape[1]:
            raw = np.column_stack([f.slope * m + f.offset for f, m in zip(visit.features, means.T, strict=True)])
            yield ClassMeans(place_of(visit, "means_"), visit.features, [str(c) for c in classes_of(part)], raw)
        return
    for label, share in zip(classes_of(part), shares, strict=True):
        yield Count(place_of(visit, "priors_"), float(share), "share", str(label))
    for k, label in enumerate(classes_of(part)):
        yield from moments(visit, "means_", None, means[k], group=str(label))


def _clusters(visit: Visit) -> Iterator[Statistic]:
    labels, centres = visit.part.array("labels_"), visit.part.array("cluster_centers_")
    if labels is None or centres is None or len(visit.features) != centres.shape[1]:
        return
    yield Count(place_of(visit, "labels_"), float(len(labels)))
    for k in np.flatnonzero(np.bincount(labels.astype(int), minlength=len(centres)) == 1):
        for feature, value in zip(visit.features, centres[k], strict=True):
            yield Own(
                f"{visit.source}.cluster_centers_[{k}]", feature.label, feature.raw(float(value)), "cluster of one"
            )


def _tree(visit: Visit) -> Iterator[Statistic]:
    """Yield the target of each leaf that holds one sample."""
    inner = visit.part["tree_"]
    fields = None if inner is None else part_of(inner)
    nodes, values = (None, None) if fields is None else (fields["nodes"], fields.array("values"))
    if not isinstance(nodes, np.ndarray) or nodes.dtype.names is None or values is None:
        return
    alone = np.flatnonzero((nodes["left_child"] == -1) & (nodes["n_node_samples"] == 1))
    if visit.outer is not None and visit.outer.kind not in _FORESTS:
        return  # trees of boosting predict what others left over, those of isolation nothing
    labels = classes_of(visit.part if visit.outer is None else visit.outer)
    for leaf in alone if values.shape[1] == 1 else ():
        cells = values[leaf, 0]
        target = float(cells[0]) if not labels else labels[int(cells.argmax())]
        yield Own(f"{visit.source}.tree_[{leaf}]", visit.target, target, "leaf of one")


_FORESTS = (
    "RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor",
    "BaggingRegressor",
)  # fmt: skip
MODELS: dict[str, Reader] = {
    "BayesianRidge": _offset, "ARDRegression": _offset, "PLSRegression": _latent, "PLSCanonical": _latent,
    "CCA": _latent, "GaussianNB": _gaussian_bayes, "MultinomialNB": _counting_bayes, "BernoulliNB": _counting_bayes,
    "ComplementNB": _counting_bayes, "CategoricalNB": _category_bayes, "LinearDiscriminantAnalysis": _discriminant,
    "QuadraticDiscriminantAnalysis": _discriminant, "KMeans": _clusters, "MiniBatchKMeans": _clusters,
    "BisectingKMeans": _clusters, "DecisionTreeRegressor": _tree, "DecisionTreeClassifier": _tree,
    "ExtraTreeRegressor": _tree, "ExtraTreeClassifier": _tree,
}  # fmt: skip
