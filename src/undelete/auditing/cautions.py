"""What a reader should be warned of: records that are public too, and what a model's file gives away by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from pandas.api.types import is_numeric_dtype

from undelete.adapters.leaks import among, basis_leak, sentences, stored_records
from undelete.adapters.model import LinearModel
from undelete.auditing.one_record import either_order
from undelete.release.release import Release
from undelete.scoring.truth import Truth

_NO_PART = 1e-9  # of a column in a constant that others add up to
_NAMED = 6  # columns, at most


def of_what_is_seen(model: LinearModel, gapless: Sequence[str], release: Release) -> list[str]:
    """Say what a reader has to know of a model and its public records, `gapless` columns among them, beforehand."""
    return [
        *taken_constant(model, release),
        *refilled(gapless),
        *filled_by_the_rest(release),
        *offset_unknown(model),
        *stored(model, release),
    ]


def taken_constant(model: LinearModel, release: Release) -> list[str]:
    """Say which columns were taken for the constant of a model without an intercept."""
    if release.constant is None or model.embedding is not None or model.constant() is not None:
        return []
    taken = [model.design.feature_names[j] for j in np.flatnonzero(np.abs(release.constant) > _NO_PART)]
    names = ", ".join(map(repr, taken[:_NAMED])) + (f" and {len(taken) - _NAMED} more" if len(taken) > _NAMED else "")
    what = f"column {names} is the same" if len(taken) == 1 else f"columns {names} add up to the same"
    which = "it is" if len(taken) == 1 else "together they are"
    return [
        f"The model was fitted without an intercept, and {what} in every public record: {which} taken as the constant."
    ]


def overlap(train: pd.DataFrame, y: ArrayLike, public: pd.DataFrame, y_public: ArrayLike | None) -> list[str]:
    """Say when far more public records equal a training record than training records equal each other."""
    own, seen = _with_targets(train, y), public if y_public is None else _with_targets(public, y_public)
    shared = [column for column in own.columns if column in seen]

    numbers = [column for column in shared if all(is_numeric_dtype(table[column]) for table in (own, seen))]

    def digest(table: pd.DataFrame) -> pd.Series[int]:
        words = table[shared].drop(columns=numbers).astype(object).astype(str)
        cells = pd.concat([table[numbers].astype("float64") + 0.0, words], axis=1)
        return pd.util.hash_pandas_object(cells, index=False)

    if not shared:
        return []
    private = digest(own)
    share, natural = float(digest(seen).isin(private).mean()), float(private.duplicated(keep=False).mean())
    if share < natural + 0.25:
        return []
    return [
        f"{100 * share:.0f} % of the public records equal a training record in every column: if they are the same "
        "people, the attacker is given the private data and this result means nothing."
    ]


def _with_targets(table: pd.DataFrame, y: ArrayLike) -> pd.DataFrame:
    """Return a table with its targets, under names that no column has."""
    Y = pd.DataFrame(np.asarray(y).reshape(len(table), -1), index=table.index)
    taken = max(map(len, table.columns), default=0)
    return pd.concat([table, Y.set_axis([f"{'target':_>{taken + 7}}{j}" for j in Y.columns], axis=1)], axis=1)


def leaks(old: LinearModel, new: LinearModel, truth: Truth | None, but: Collection[str] = ()) -> list[str]:
    """Say what the preprocessing gives away by itself, `but` of columns of which it is not used."""
    told, stored = sentences(old, new, but), stored_records(old)
    if stored is not None and truth is not None and truth.inputs is not None:
        kept = int(among(truth.inputs, stored).sum())
        if kept:
            which = "the deleted record" if len(truth.inputs) == 1 else f"{kept:,} of the deleted records"
            told.append(
                f"The Nystroem transformer stores {which} as it was fitted: unless the transformer goes too, the new "
                "model still holds what was to be deleted."
            )
    return told


def of_nobody(columns: Iterable[str]) -> list[str]:
    """Say of which columns the new model has no indicator of a category that nobody else has."""
    return [
        f"The new model has no indicator of a category of {name!r} that the old one had, and no public record has that "
        "category: the deleted record was the only one that had it."
        for name in columns
    ]


def stands(old: LinearModel, new: LinearModel, truth: Truth | None) -> bool:
    """Return whether the old file stores the deleted record as it stands."""
    kept, given = stored_records(old), None if truth is None else truth.inputs
    return basis_leak(old, new) is not None or (
        kept is not None and given is not None and bool(among(given, kept).any())
    )


def stored(model: LinearModel, release: Release) -> list[str]:
    """Say how many records a Nystroem transformer publishes, public ones apart."""
    basis = stored_records(model)
    if basis is None or release.inputs_public is None:
        return []
    count = int((~among(basis, release.inputs_public)).sum())
    if not count:
        return []
    return [
        f"The Nystroem transformer stores {count:,} records as they are, none of them among the public ones: if it was "
        "fitted on the training data, the model file gives these people away whole, whether or not anyone is deleted. "
        "Fit it on public records."
    ]


def refilled(columns: Sequence[str]) -> list[str]:
    """Say which imputers changed without meaning."""
    if not columns:
        return []
    return [
        f"The imputers of {', '.join(map(repr, columns))} fill another value after the deletion. No public record has "
        "a missing cell there, so this is left out; it matters only if the deleted one had."
    ]


def filled_by_the_rest(release: Release) -> list[str]:
    """Say of which continuous columns a missing cell is told from no number: what fills it is another each time."""
    if release.public_values is None:
        return []
    found = []
    for column, numbers in zip(release.columns, release.public_values.T, strict=True):
        share = float(np.isnan(numbers).mean())
        if column.kind == "continuous" and column.filled is None and column.projection.shape[1] and share > 0:
            found.append(
                f"In column {column.name!r} {share:.1%} of the public cells are missing, and what fills one depends on "
                "the rest of the record: the number shown may be such a filling, which its probability and its range "
                "do not count."
            )
    return found


def which_has_it(release: Release, target: str, *, counted: bool) -> list[str]:
    """Say what no model can by itself: which of two files has the record, and whether somebody else came with it.

    A pair of whom one pulls far less than the other, one that left and one that joined, changes a model as the other
    alone does (maths (13)). Whether the first of two files has the record or the second, a class says by the size of
    the change, and of three and more by its directions, as far as these are beyond their error.

    Parameters
    ----------
    release : Release
        One deletion.
    target : str
        What it is called; "" for none.
    counted : bool
        Whether the files say on how many records each was fitted, or the user said who left and who joined.
    """
    if counted:
        return []
    either = (
        "Nothing in the two files counts their records. If another person joined as this one left, what is shown may "
        "be the record of either."
    )
    if target and release.target_kind == "class" and either_order(release):
        return [
            "Nothing in the two files says which of them has the record, and the change is that of one in either. Were "
            f"it the second (they are in the other order, or somebody joined), its {target} would be another class.",
            either,
        ]
    if not target or release.target_kind != "number" or release.Y_public is None:
        return [either]
    return [
        "Nothing in the two files says which of them has the record. Were it the second (they are in the other order, "
        f"or somebody joined), the record would be the same but for its {target}, which would lie as far on the other "
        "side of what the model predicts.",
        either,
    ]


def offset_unknown(model: LinearModel) -> list[str]:
    """Say what is not known of a deleted record whose model has an offset."""
    if model.offset is None:
        return []
    what = "of what they pulled by only the sign is told" if model.classes is not None else (
        "their target is a range over those that public records like them have")  # fmt: skip
    return [
        f"The model has an offset ({model.offset}), which is in nothing but a record's residual: the deleted person's "
        f"own is not known, and {what}. The columns come back as without one."
    ]


def fixed_preprocessing(model: LinearModel) -> list[str]:
    """Say that the preprocessing was held as fitted on all records."""
    made = [*model.steps, *(step for one in model.texts for step in one.model.steps)]
    if not made:
        return []
    steps = ", ".join(dict.fromkeys(made))
    words = ", and that of a tf-idf's document frequencies its words" if model.texts else ""
    return [
        f"The preprocessing ({steps}) is held as fitted on all records. Whoever refits it after a deletion may give "
        f"more away: the change of a scaler's mean is the record itself{words}."
    ]


def number_taken(release: Release) -> list[str]:
    """Say that the number of training records was told by the models' change."""
    if release.n is None or not release.n_error:
        return []
    return [
        f"The number of training records was not given. About {release.n:,} is taken, as the size of the change says "
        "if the two files are in this order: give n if you know it."
    ]
