"""Of some people, who was deleted between two models: everybody's own gradient beside the one that the models say."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from undelete.adapters.design.taken import taken
from undelete.adapters.files.files import load_model
from undelete.adapters.offset import named_offset
from undelete.adapters.sklearn.text import text_chain
from undelete.attacker.member.candidates import explain
from undelete.attacker.member.sets import Sets, explain_sets
from undelete.auditing import inputs
from undelete.auditing.document_changes import text_column, texts_in
from undelete.auditing.inputs import Table
from undelete.auditing.order import ordered
from undelete.auditing.records import encoded_records
from undelete.auditing.released import Model, Pair, read_pair
from undelete.auditing.surveyed import refuse_weights
from undelete.auditing.together import refuse_unseen_offsets
from undelete.auditing.who_beside import with_texts
from undelete.auditing.who_documents import which_document
from undelete.auditing.who_summed import summed
from undelete.auditing.words import seeds
from undelete.errors import InputError
from undelete.release.candidates import Candidates


def who_was_deleted(
    before: Model,
    after: Model,
    public: Table,
    candidates: Table,
    *,
    target: str | Sequence[str],
    n: int | None = None,
    l2: float | None = None,
    trust: bool = False,
    deleted: int | None = None,
    joined: int | None = None,
    text: str | None = None,
    offset: str | Sequence[str] | None = None,
    exposure: str | None = None,
    sample_weight: str | None = None,
    rng: int = 0,
) -> pd.DataFrame:
    """Rank candidates by how well each explains the difference of two models: maths (16).

    Of several people at once sets of candidates are compared.

    Parameters
    ----------
    before, after : estimator, LinearModel or path
        The model with and without the record, as `undelete.audit` takes them.
    public : DataFrame, array or path
        Records like the training data.
    candidates : DataFrame or path
        The people who may have been deleted: the public table's columns, the target among them.
    target : str or sequence of str
        The column that the model predicts, or the columns.
    n, l2, trust
        As `undelete.audit` has them. Without `n` only the direction of the change is compared.
    deleted, joined : int, optional
        How many left and joined, ten in all at most; by default one that left, or what the models' files count.
    text : str, optional
        Of pipelines of text, which column holds the documents; by default the only one besides the target.
    offset, exposure : str, optional
        As `undelete.audit` has them; the candidates have that column too, so that nothing of them is not known.
    sample_weight : str, optional
        As `undelete.audit` has it; of candidates it is not needed.
    rng : int
        Seed of the search among sets.

    Returns
    -------
    DataFrame
        One row a candidate, the likeliest first, by the candidates' own index: `probability` (given that one of
        them was deleted, each as likely beforehand), `misfit` (squared distance in standard errors, and from what
        refitted scalers say in hundredths of a column's spread) and `p_value` (how often the deleted record itself
        would fit worse; small for all where none of them was deleted, or where it weighed more or less than others in
        the fit). Of several people `probability` is that of being among them, `role` says who is in the likeliest set
        ("left", "joined", or ""), and misfit and p-value are that set's. Candidates whom the model's steps refuse (a
        category that it was not trained with) come last: they were not among the training records.

    Raises
    ------
    InputError
        When the input cannot be used.
    """
    first, second = (load_model(m, trust=trust) if isinstance(m, str | os.PathLike) else m for m in (before, after))
    if text_chain(first) is not None and text_chain(second) is not None:
        if l2 is not None or deleted not in (None, 1) or joined or offset is not None or exposure is not None:
            raise InputError("of models of text one document left, and their files say the penalty: leave the rest out")
        return _document(first, second, public, candidates, target, text, n=n)

    def read(*, joined: int) -> Pair:
        models, number = ((second, first), None if n is None else n + joined) if joined else ((first, second), n)
        return read_pair(*models, public, target=target, n=number, l2=l2, trust=trust,
                         offset=named_offset(offset, exposure), sample_weight=sample_weight)  # fmt: skip

    between = ordered(read, deleted, joined)
    pair = between.pair
    if pair.release.tolerance is not None and not np.isfinite(pair.release.tolerance):
        raise InputError(
            f"a fit of the two {pair.old.kind} used up its iterations and does not say where it stopped, so nothing "
            "says how far the change of the model is a person's: fit again with more iterations (max_iter)"
        )
    if between.several:
        if pair.old.texts:
            refuse_unseen_offsets(pair.release, texts=True)
        refuse_weights(pair.counted)
    elif not pair.counted.told:  # how hard a person pulls is then not known, only which way
        pair = replace(pair, release=replace(pair.release, n=None, n_error=0.0))
    names = inputs.target_columns(pair.public, target)
    people = inputs.as_records(candidates, (*pair.old.design.raw, *names))
    missing = [name for name in names if name not in people]
    if missing:
        raise InputError(
            f"the candidates have no column {missing[0]!r}: how a record pulls on the model depends on its target; add "
            "it"
        )
    rows, _ = taken(pair.old.design, people)
    never = people.index[[]] if rows is None else people.index[~rows]  # whom the steps refuse nobody trained on
    people = people if rows is None else people[rows]
    X, Y = encoded_records(pair.old, people, people[list(names)], ", ".join(names), "candidate")
    offset_of = pair.old.offsets(people)
    if pair.kept is not None:
        if pair.release.offset_public is not None:  # what the features that were left out add is a candidate's own
            left = (X[:, ~pair.kept] @ pair.old.W[~pair.kept])[:, 0]
            offset_of = left if offset_of is None else left + offset_of
        X = X[:, pair.kept]
    asked_of = Candidates(X, Y, offset_of)
    if between.several:
        known = summed(pair, people, between.left, between.joined)
        found = explain_sets(
            pair.release, asked_of, between.left, between.joined, np.random.default_rng(seeds(rng)), known
        )
        table = _sets(found, people.index, turned=between.came)
        return pd.concat([table, _never(never).assign(role="")])[list(table.columns)] if len(never) else table
    each, known = explain(pair.release, asked_of), summed(pair, people, 1, 0)
    each, p_value = with_texts(each, pair, people, asked_of)
    each = replace(each, misfit=each.misfit + ((known.own - known.seen) ** 2).sum(axis=1))  # maths (30)
    table = pd.DataFrame(
        {"probability": each.probability[0], "misfit": each.misfit[0], "p_value": p_value},
        index=people.index,
    )
    table = table.sort_values("misfit", kind="stable")
    return pd.concat([table, _never(never)]) if len(never) else table


def _document(
    before: Any, after: Any, public: Table, candidates: Table, target: Any, text: str | None, *, n: Any
) -> pd.DataFrame:
    known, asked = inputs.as_records(public), inputs.as_records(candidates)
    (name,) = inputs.target_columns(known, target)
    column = text_column(known, name, text, "the public table")
    missing = [one for one in (column, name) if one not in asked]
    if missing:
        raise InputError(f"the candidates have no column {missing[0]!r}: give their texts, and what the model predicts")
    pairs = [(texts_in(table, column), table[name]) for table in (known, asked)]
    return which_document(before, after, *pairs, n=n)


def _never(index: pd.Index[Any]) -> pd.DataFrame:
    """Return candidates who were not among the training records."""
    return pd.DataFrame({"probability": 0.0, "misfit": np.inf, "p_value": 0.0}, index=index)


def _sets(found: Sets, index: pd.Index[Any], *, turned: bool) -> pd.DataFrame:
    """Return the candidates, the likeliest set first; `turned`: those who left of the pair joined."""
    role = np.full(len(index), "", dtype=object)
    role[found.left], role[found.joined] = ("joined", "left") if turned else ("left", "joined")
    table = pd.DataFrame(
        {"probability": found.left_probability + found.joined_probability, "role": role, "misfit": found.misfit,
         "p_value": found.p_value}, index=index,
    )  # fmt: skip
    return table.iloc[np.lexsort([-table["probability"].to_numpy(), role == ""])]
