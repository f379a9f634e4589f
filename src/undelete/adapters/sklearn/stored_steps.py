"""What steps store of their training records: scalers, bins, quantiles, encoders, imputers, components.

Each reader is of classes of scikit-learn, by the names of their fields.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from undelete.adapters.sklearn.moments import Reader, classes_of, moments, place_of
from undelete.adapters.stored.feature import Feature
from undelete.adapters.stored.inert import part_of
from undelete.adapters.stored.statistic import (
    Count,
    Encoded,
    Extreme,
    Known,
    Moments,
    Quantiles,
    Statistic,
)
from undelete.adapters.stored.walk import Visit
from undelete.maths.arrays import Floats

_SPECTRAL = 1e-15  # round-off of a decomposition, of its largest number


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
                yield Extreme(place_of(visit, name), feature, own, turned)


def _min_max(visit: Visit) -> Iterator[Statistic]:
    yield from _extremes(visit, "data_min_", -1, visit.part.array("data_min_"))
    yield from _extremes(visit, "data_max_", 1, visit.part.array("data_max_"))


def _max_abs(visit: Visit) -> Iterator[Statistic]:
    yield from _extremes(visit, "max_abs_", 0, visit.part.array("max_abs_"))


def _quantiles(
    visit: Visit, name: str, levels: Floats, values: Floats, most: float = float("inf"), method: str = ""
) -> Iterator[Statistic]:
    """Yield the quantiles (q, d) of each column; with a `method` of an estimator that takes no missing cells."""
    for feature, column in zip(visit.features, values.T, strict=False):
        turned, order = feature.slope * column + feature.offset, slice(None, None, 1 if feature.slope > 0 else -1)
        ranks = levels if feature.slope > 0 else 1 - levels
        whole = bool(method or feature.fills)
        yield Quantiles(place_of(visit, name), feature, ranks[order], turned[order], most, whole, method or "linear")


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
    wanted, method = part["n_bins"], str(part["quantile_method"] or "linear")
    for j, feature in enumerate(visit.features if edges is not None else ()):
        own = np.asarray(edges[j], dtype=float)
        if not np.isfinite(own).all():
            continue  # one value alone, of which no edge says which
        alone = Visit(visit.source, part, [feature])
        if strategy == "quantile" and counts is not None and len(own) == np.ravel(wanted)[j % np.size(wanted)] + 1:
            yield from _quantiles(alone, "bin_edges_", np.linspace(0, 1, len(own)), own[:, None], most, method)
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
            yield Known(place_of(visit, "categories_"), feature.column, known, fills=feature.fills)


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
        yield Moments(
            place_of(visit, "target_mean_"),
            Feature(visit.target, visit.target),
            None,
            means[0],
            unit=abs(means[0]) * 1e-16,
        )
    elif len(labels) == len(shares):  # two files' shares of the classes say how many records they are of
        for label, share in zip(labels, shares, strict=True):
            yield Count(place_of(visit, "target_mean_"), float(share), "share", label)
    for place, own in enumerate(encodings):
        j, c = divmod(place, len(means))
        if j < len(visit.features) and visit.features[j].column is not None:
            cells = np.asarray(part["categories_"][j]).tolist()
            yield Encoded(
                place_of(visit, "encodings_"), str(visit.features[j].column), cells, np.asarray(own, dtype=float),
                float(means[c]), smooth, labels[c] if len(labels) == len(means) > 1 else "", kind != "continuous",
                visit.features[j].fills,
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
                yield Moments(
                    place_of(visit, "statistics_"), feature, np.nan, feature.raw(float(m)), unit=abs(m) * 1e-16
                )
    else:
        yield from _quantiles(visit, "statistics_", np.array([0.5]), numbers[None])


def _pca(visit: Visit) -> Iterator[Statistic]:
    part = visit.part
    mean, components, strength = (part.array(name) for name in ("mean_", "components_", "explained_variance_"))
    n, variance, noise = part.array("n_samples_"), part.array("var_"), 0.0
    whole = components is not None and components.shape[0] == components.shape[1]
    if whole and variance is None and components is not None and strength is not None and n is not None and n > 1:
        variance = (components**2 * strength[:, None]).sum(axis=0) * (float(n) - 1) / float(n)
        noise = _SPECTRAL * float(strength.max(initial=0.0))  # every column has that of the largest
    number = n if n is not None else part.array("n_samples_seen_")
    yield from moments(visit, "mean_", number, mean, variance, noise=noise)


def _location(visit: Visit) -> Iterator[Statistic]:
    covariance = visit.part.array("covariance_")
    own = None if covariance is None or visit.part.kind != "EmpiricalCovariance" else np.diag(covariance)
    yield from moments(visit, "location_", None, visit.part.array("location_"), own)


def _isotonic(visit: Visit) -> Iterator[Statistic]:
    low, high = visit.part.array("X_min_"), visit.part.array("X_max_")
    for side, value, name in ((-1, low, "X_min_"), (1, high, "X_max_")):
        if value is not None:
            yield from _extremes(visit, name, side, np.atleast_1d(value))


STEPS: dict[str, Reader] = {
    "StandardScaler": _standard, "MinMaxScaler": _min_max, "MaxAbsScaler": _max_abs, "RobustScaler": _robust,
    "QuantileTransformer": _quantile_transformer, "KBinsDiscretizer": _bins, "SplineTransformer": _spline,
    "OneHotEncoder": _encoder, "OrdinalEncoder": _encoder, "TargetEncoder": _target_encoder,
    "SimpleImputer": _imputer, "PCA": _pca, "IncrementalPCA": _pca, "EmpiricalCovariance": _location,
    "LedoitWolf": _location, "OAS": _location, "IsotonicRegression": _isotonic,
}  # fmt: skip
