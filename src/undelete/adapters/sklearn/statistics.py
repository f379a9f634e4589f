"""Reads what each kind of fitted estimator stores of its training records, by the names of classes and fields.

Nothing is called or built: a file's parts serve as well as the estimators themselves, of any version.
"""

from __future__ import annotations

from collections.abc import Iterator

from undelete.adapters.sklearn.moments import Reader, place_of
from undelete.adapters.sklearn.stored_models import MODELS
from undelete.adapters.sklearn.stored_steps import STEPS
from undelete.adapters.sklearn.stored_text import TEXT
from undelete.adapters.stored.statistic import Count, Statistic
from undelete.adapters.stored.walk import Visit


def statistics_of(visit: Visit) -> list[Statistic]:
    """Return all statistics that one fitted estimator stores; none for a class that is not known."""
    found: list[Statistic] = list(_counts(visit))
    reader = READERS.get(visit.part.kind)
    return found + (list(reader(visit)) if reader is not None else [])


def _counts(visit: Visit) -> Iterator[Statistic]:
    for name in ("n_samples_seen_", "n_samples_", "n_samples_fit_", "nobs"):
        counts = visit.part.array(name)
        if counts is None:
            continue
        if counts.ndim == 0:
            yield Count(place_of(visit, name), float(counts))
        else:
            for feature, n in zip(visit.features, counts.ravel(), strict=False):
                yield Count(place_of(visit, name), float(n), column=feature.label)


READERS: dict[str, Reader] = {**STEPS, **MODELS, **TEXT}
