"""Reads what each kind of fitted estimator stores of its training records, by the names of classes and fields.

Nothing is called or built: a file's parts serve as well as the estimators themselves, of any version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from undelete.adapters.stored.feature import Feature
from undelete.adapters.stored.inert import Part, part_of
from undelete.adapters.stored.statistic import (
    TARGET,
    Count,
    Encoded,
    Extreme,
    Frequencies,
    Known,
    Moments,
    Own,
    Quantiles,
    Statistic,
    Total,
)
from undelete.adapters.stored.walk import Visit
from undelete.maths.arrays import Floats

Reader = Callable[[Visit], Iterator[Statistic]]

_DECIMALS = 10  # up to which a number is taken to have been rounded
_SAME = 1e-13  # relative to a number, by which its rounded form may differ


def statistics_of(visit: Visit) -> list[Statistic]:
    """Return all statistics that one fitted estimator stores; none for a class that is not known."""
    found: list[Statistic] = list(_counts(visit))
    reader = READERS.get(visit.part.kind)
    return found + (list(reader(visit)) if reader is not None else [])


def rounding_unit(*arrays: Floats | None) -> Callable[[Floats], Floats]:
    """Return by how much the numbers of some arrays may have been rounded: to decimals, float32, or not at all.

    All arrays of one estimator are looked at together, for a mean of whole numbers is short by itself.
    """
    numbers = np.concatenate([np.ravel(a) for a in arrays if a is not None] or [np.zeros(0)])
    numbers = numbers[np.isfinite(numbers) & (numbers != 0)]
    if numbers.size and not (numbers == np.rint(numbers)).all():
        single = bool((numbers == numbers.astype(np.float32)).all())
        for digits in range(1, _DECIMALS + 1):
            slack = (2.0**-23 if single else _SAME) * np.abs(numbers)
            if (np.abs(np.round(numbers, digits) - numbers) <= slack).all():
                half = 0.5 * 10.0**-digits
                return lambda values: half + np.abs(values) * (2.0**-24 if single else 0.0)
        if single:
            return lambda values: np.abs(values) * 2.0**-24
    return lambda values: np.abs(values) * 2.0**-53


def _at(visit: Visit, field: str) -> str:
    return f"{visit.source}.{field}"


def _counts(visit: Visit) -> Iterator[Statistic]:
    for name in ("n_samples_seen_", "n_samples_", "n_samples_fit_", "nobs"):
        counts = visit.part.array(name)
        if counts is None:
            continue
        if counts.ndim == 0:
            yield Count(_at(visit, name), float(counts))
        else:
            for feature, n in zip(visit.features, counts.ravel(), strict=False):
                yield Count(_at(visit, name), float(n), column=feature.label)


def moments(
    visit: Visit, name: str, n: Any, mean: Floats | None, variance: Floats | None = None, *,
    group: str = "", further: Sequence[Floats | None] = (),
) -> Iterator[Moments]:  # fmt: skip
    """Yield a mean and variance for each column of an estimator, in the raw columns' units.

    Parameters
    ----------
    visit : Visit
        The estimator.
    name : str
        The field that stores the mean.
    n : number, array (d,) or None
        Of records.
    mean, variance : arrays (d,)
        As stored.
    group : str
        The class over which they are taken.
    further : sequence of arrays
        Other numbers of the same estimator, which say whether its numbers were rounded.
    """
    if mean is None or mean.ndim != 1 or len(visit.features) != len(mean):
        return
    unit = rounding_unit(mean, variance, *further)
    counts = [None] * len(mean) if n is None else np.broadcast_to(np.asarray(n, dtype=float), mean.shape).tolist()
    spread = np.full(len(mean), np.nan) if variance is None or variance.shape != mean.shape else variance
    for feature, count, m, v in zip(visit.features, counts, mean, spread, strict=True):
        size = abs(feature.slope)
        yield Moments(
            _at(visit, name), feature, count, feature.raw(float(m)), size**2 * float(v),
            size * float(unit(m)), size**2 * float(unit(v)), group,
        )  # fmt: skip


def _standard(visit: Visit) -> Iterator[Statistic]:
    part = visit.part
    scale, variance = part.array("scale_"), part.array("var_")
    yield from moments(visit, "mean_", part.array("n_samples_seen_"), part.array("mean_"), variance, further=[scale])


def _extremes(visit: Visit, name: str, side: int, values: Floats | None) -> Iterator[Statistic]:
    if values is not None and values.ndim == 1 and len(values) == len(visit.features):
        for feature, value in zip(visit.features, values, strict=True):
            if np.isfinite(value) and (side or feature.offset == 0.0):
                turned = side if feature.slope > 0 else -side
                own = feature.raw(float(value)) if side else abs(feature.slope * float(value))
                yield Extreme(_at(visit, name), feature, own, turned)


def _min_max(visit: Visit) -> Iterator[Statistic]:
    yield from _extremes(visit, "data_min_", -1, visit.part.array("data_min_"))
    yield from _extremes(visit, "data_max_", 1, visit.part.array("data_max_"))


def _max_abs(visit: Visit) -> Iterator[Statistic]:
    yield from _extremes(visit, "max_abs_", 0, visit.part.array("max_abs_"))


def _quantiles(
    visit: Visit, name: str, levels: Floats, values: Floats, most: float = float("inf")
) -> Iterator[Statistic]:
    """Yield the quantiles (q, d) of each column."""
    for feature, column in zip(visit.features, values.T, strict=False):
        turned, order = feature.slope * column + feature.offset, slice(None, None, 1 if feature.slope > 0 else -1)
        ranks = levels if feature.slope > 0 else 1 - levels
        yield Quantiles(_at(visit, name), feature, ranks[order], turned[order], most)


def _robust(visit: Visit) -> Iterator[Statistic]:
    centre = visit.part.array("center_")
    if centre is not None:
        yield from _quantiles(visit, "center_", np.array([0.5]), centre[None])


def _quantile_transformer(visit: Visit) -> Iterator[Statistic]:
    part = visit.part
    values, levels, most = part.array("quantiles_"), part.array("references_"), part["subsample"]
    if values is not None and levels is not None:
        yield from _quantiles(visit, "quantiles_", levels, values, float("inf") if most is None else float(most))


def _bins(visit: Visit) -> Iterator[Statistic]:
    part, strategy = visit.part, visit.part["strategy"]
    edges, counts = part["bin_edges_"], part.array("n_bins_")
    most = float("inf") if part["subsample"] is None else float(part["subsample"])
    wanted = part["n_bins"]
    for j, feature in enumerate(visit.features if edges is not None else ()):
        own = np.asarray(edges[j], dtype=float)
        alone = Visit(visit.source, part, [feature])
        if strategy == "quantile" and counts is not None and len(own) == np.ravel(wanted)[j % np.size(wanted)] + 1:
            yield from _quantiles(alone, "bin_edges_", np.linspace(0, 1, len(own)), own[:, None], most)
        elif len(own) > 1:
            ends = np.full(len(own), np.nan)
            ends[[0, -1]] = own[[0, -1]]
            yield from _quantiles(alone, "bin_edges_", np.array([0.0, 1.0]), ends[[0, -1]][:, None], most)


def _spline(visit: Visit) -> Iterator[Statistic]:
    part = visit.part
    degree, count, place = int(part["degree"]), int(part["n_knots"]), part["knots"]
    if not isinstance(place, str):
        return  # given, whatever the records
    for feature, spline in zip(visit.features, part["bsplines_"] or (), strict=False):
        fields = part_of(spline)
        t = fields.array("t") if fields.array("t") is not None else fields.array("_t")
        if t is None or len(t) < count + 2 * degree:
            continue
        knots = t[degree : degree + count]
        levels = np.linspace(0, 1, count) if place == "quantile" else np.array([0.0, 1.0])
        own = knots if place == "quantile" else knots[[0, -1]]
        yield from _quantiles(Visit(visit.source, part, [feature]), "bsplines_", levels, own[:, None])


def _encoder(visit: Visit) -> Iterator[Statistic]:
    part = visit.part
    if not isinstance(part["categories"], str):
        return  # given, whatever the records
    for feature, cells in zip(visit.features, part["categories_"] or (), strict=False):
        if feature.column is not None:
            known = [feature.codes[int(c)] if feature.codes is not None else c for c in np.asarray(cells).tolist()]
            yield Known(_at(visit, "categories_"), feature.column, known)


def _target_encoder(visit: Visit) -> Iterator[Statistic]:
    part = visit.part
    yield from _encoder(visit)
    encodings, mean, kind = part["encodings_"], part["target_mean_"], part["target_type_"]
    if encodings is None or mean is None:
        return
    smooth = None if isinstance(part["smooth"], str) else float(part["smooth"])
    means = np.atleast_1d(np.asarray(mean, dtype=float))
    shares = np.array([1 - means[0], means[0]]) if len(means) == 1 else means
    labels = list(map(str, classes_of(part)))
    if kind == "continuous":
        yield Moments(_at(visit, "target_mean_"), Feature(TARGET, TARGET), None, means[0], unit=abs(means[0]) * 1e-16)
    elif len(labels) == len(shares):  # two files' shares of the classes say how many records they are of
        for label, share in zip(labels, shares, strict=True):
            yield Count(_at(visit, "target_mean_"), float(share), "share", label)
    for place, own in enumerate(encodings):
        j, c = divmod(place, len(means))
        if j < len(visit.features) and visit.features[j].column is not None:
            cells = np.asarray(part["categories_"][j]).tolist()
            yield Encoded(
                _at(visit, "encodings_"), str(visit.features[j].column), cells, np.asarray(own, dtype=float),
                float(means[c]), smooth, labels[c] if len(labels) == len(means) > 1 else "", kind != "continuous",
            )  # fmt: skip


def _imputer(visit: Visit) -> Iterator[Statistic]:
    part, values = visit.part, visit.part["statistics_"]
    if values is None or part["strategy"] not in ("mean", "median") or len(values) != len(visit.features):
        return
    numbers = np.asarray(values, dtype=float)
    if part["strategy"] == "mean":
        for feature, m in zip(visit.features, numbers, strict=True):
            if np.isfinite(m):
                # over the cells that were there, however many
                yield Moments(_at(visit, "statistics_"), feature, np.nan, feature.raw(float(m)), unit=abs(m) * 1e-16)
    else:
        yield from _quantiles(visit, "statistics_", np.array([0.5]), numbers[None])


def _pca(visit: Visit) -> Iterator[Statistic]:
    part = visit.part
    mean, components, strength = (part.array(name) for name in ("mean_", "components_", "explained_variance_"))
    n, variance = part.array("n_samples_"), part.array("var_")
    whole = components is not None and components.shape[0] == components.shape[1]
    if whole and variance is None and components is not None and strength is not None and n is not None and n > 1:
        variance = (components**2 * strength[:, None]).sum(axis=0) * (float(n) - 1) / float(n)
    yield from moments(visit, "mean_", n if n is not None else part.array("n_samples_seen_"), mean, variance)


def _location(visit: Visit) -> Iterator[Statistic]:
    covariance = visit.part.array("covariance_")
    own = None if covariance is None or visit.part.kind != "EmpiricalCovariance" else np.diag(covariance)
    yield from moments(visit, "location_", None, visit.part.array("location_"), own)


def _offset(visit: Visit) -> Iterator[Statistic]:
    yield from moments(visit, "X_offset_", None, visit.part.array("X_offset_"))


def _latent(visit: Visit) -> Iterator[Statistic]:
    yield from moments(visit, "_x_mean", None, visit.part.array("_x_mean"))


def classes_of(part: Part) -> list[Any]:
    """Return a classifier's classes."""
    return [] if part["classes_"] is None else np.asarray(part["classes_"]).tolist()


def _gaussian_bayes(visit: Visit) -> Iterator[Statistic]:
    part = visit.part
    counts, means, variances = (part.array(name) for name in ("class_count_", "theta_", "var_"))
    added = part.array("epsilon_")
    yield from _class_counts(visit)
    if counts is None or means is None:
        return
    if variances is not None:
        variances = variances - (0.0 if added is None else float(added))
    for k, label in enumerate(classes_of(part)):
        own = None if variances is None else variances[k]
        yield from moments(visit, "theta_", counts[k], means[k], own, group=str(label))


def _class_counts(visit: Visit) -> Iterator[Statistic]:
    counts, labels = visit.part.array("class_count_"), classes_of(visit.part)
    if counts is None or counts.ndim != 1:
        return
    if len(labels) == len(counts):
        for label, n in zip(labels, counts, strict=True):
            yield Count(_at(visit, "class_count_"), float(n), TARGET, str(label))
    yield Count(_at(visit, "class_count_"), float(counts.sum()))


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
            yield Total(_at(visit, "feature_count_"), own, float(value), str(label))


def _category_bayes(visit: Visit) -> Iterator[Statistic]:
    part = visit.part
    yield from _class_counts(visit)
    for feature, table in zip(visit.features, part["category_count_"] or (), strict=False):
        values = list(range(np.shape(table)[1])) if feature.codes is None else list(feature.codes)
        for k, label in enumerate(classes_of(part)):
            for value, total in zip(values, np.asarray(table, dtype=float)[k], strict=False):
                own = Feature(feature.name, feature.column, category=value, fills=feature.fills)
                yield Total(_at(visit, "category_count_"), own, float(total), str(label))


def _discriminant(visit: Visit) -> Iterator[Statistic]:
    """Yield class means; how many records each class has follows from two files' shares of the classes."""
    part, means = visit.part, visit.part.array("means_")
    shares = part.array("priors_")
    if means is None or shares is None or part["priors"] is not None:
        return
    for label, share in zip(classes_of(part), shares, strict=True):
        yield Count(_at(visit, "priors_"), float(share), "share", str(label))
    for k, label in enumerate(classes_of(part)):
        yield from moments(visit, "means_", None, means[k], group=str(label))


def _vectorizer(visit: Visit) -> Iterator[Statistic]:
    part, vocabulary = visit.part, visit.part["vocabulary_"]
    if not isinstance(vocabulary, dict) or part["fixed_vocabulary_"]:
        return
    words = sorted(vocabulary, key=vocabulary.__getitem__)
    whole = isinstance(part["min_df"], int) and part["max_df"] in (1.0, None) and part["max_features"] is None
    sure = whole and not isinstance(part["max_df"], bool) and part["min_df"] == 1
    yield Known(_at(visit, "vocabulary_"), "(words)", words, sure=sure, word=True)
    inner = part["_tfidf"]
    if inner is not None:
        yield from _frequencies(Visit(f"{visit.source}._tfidf", part_of(inner), []), words)


def _tfidf(visit: Visit) -> Iterator[Statistic]:
    yield from _frequencies(visit, [feature.name for feature in visit.features])


def _frequencies(visit: Visit, words: Sequence[str]) -> Iterator[Statistic]:
    idf = visit.part.array("idf_")
    if idf is None:
        diagonal = visit.part["_idf_diag"]  # scikit-learn up to 1.4
        idf = None if diagonal is None else np.asarray(diagonal.diagonal(), dtype=float)
    if idf is not None and len(idf) == len(words):
        yield Frequencies(_at(visit, "idf_"), words, idf, bool(visit.part["smooth_idf"]))


def _clusters(visit: Visit) -> Iterator[Statistic]:
    labels, centres = visit.part.array("labels_"), visit.part.array("cluster_centers_")
    if labels is None or centres is None or len(visit.features) != centres.shape[1]:
        return
    yield Count(_at(visit, "labels_"), float(len(labels)))
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
        yield Own(f"{visit.source}.tree_[{leaf}]", TARGET, target, "leaf of one")


def _isotonic(visit: Visit) -> Iterator[Statistic]:
    low, high = visit.part.array("X_min_"), visit.part.array("X_max_")
    for side, value, name in ((-1, low, "X_min_"), (1, high, "X_max_")):
        if value is not None:
            yield from _extremes(visit, name, side, np.atleast_1d(value))


_FORESTS = (
    "RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor",
    "BaggingRegressor",
)  # fmt: skip
READERS: dict[str, Reader] = {
    "StandardScaler": _standard, "MinMaxScaler": _min_max, "MaxAbsScaler": _max_abs, "RobustScaler": _robust,
    "QuantileTransformer": _quantile_transformer, "KBinsDiscretizer": _bins, "SplineTransformer": _spline,
    "OneHotEncoder": _encoder, "OrdinalEncoder": _encoder, "TargetEncoder": _target_encoder,
    "SimpleImputer": _imputer, "PCA": _pca, "IncrementalPCA": _pca, "EmpiricalCovariance": _location,
    "LedoitWolf": _location, "OAS": _location, "BayesianRidge": _offset, "ARDRegression": _offset,
    "PLSRegression": _latent, "PLSCanonical": _latent, "CCA": _latent, "GaussianNB": _gaussian_bayes,
    "MultinomialNB": _counting_bayes, "BernoulliNB": _counting_bayes, "ComplementNB": _counting_bayes,
    "CategoricalNB": _category_bayes, "LinearDiscriminantAnalysis": _discriminant,
    "QuadraticDiscriminantAnalysis": _discriminant, "CountVectorizer": _vectorizer, "TfidfVectorizer": _vectorizer,
    "TfidfTransformer": _tfidf, "KMeans": _clusters, "MiniBatchKMeans": _clusters, "BisectingKMeans": _clusters,
    "DecisionTreeRegressor": _tree, "DecisionTreeClassifier": _tree, "ExtraTreeRegressor": _tree,
    "ExtraTreeClassifier": _tree, "IsotonicRegression": _isotonic,
}  # fmt: skip
