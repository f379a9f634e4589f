"""What an audit's options name: two models or both models' answers, what makes their records, the table's columns."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from undelete.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from undelete.auditing.answers import Answers
    from undelete.auditing.released import Model
    from undelete.data.schema import Schema


def preprocessing(options: argparse.Namespace) -> Any:
    """Return what makes a network's records of the table: a fitted preprocessing, a function, or None."""
    from undelete.adapters.files.files import load_model
    from undelete.adapters.files.networks import named_function

    given = options.preprocessing
    if given is None:
        return None
    return named_function(given, "--preprocessing") if ".py:" in given else load_model(given, trust=options.trust)


def loss_of(options: argparse.Namespace) -> Any:
    """Return a network's loss: a name, or the function that one names."""
    from undelete.adapters.files.networks import named_function

    given = options.loss
    return named_function(given, "--loss") if given is not None and ".py:" in given else given


def released(options: argparse.Namespace) -> tuple[Model | Answers, Model | Answers, Any]:
    """Return what was released, before and after, and with answers what the models read."""
    from undelete.adapters.onnx import with_loss
    from undelete.auditing.answers import read_answers
    from undelete.auditing.network_reading import is_network, opened

    files = [options.before, options.after]
    scored = [options.answers_before, options.answers_after]
    if None not in files and scored == [None, None] and options.model is None and options.features is None:
        first, second = (opened(place, options.architecture, trust=options.trust) for place in files)
        if is_network(first) and options.candidates is not None:
            raise InputError("--candidates compares people with linear models: leave it out for networks")
        return *(with_loss(one, options.loss) for one in (first, second)), preprocessing(options)
    if None in scored or files != [None, None]:
        raise InputError(
            "give two models (BEFORE AFTER), or the answers of both (--answers-before, --answers-after) and what they "
            "read (--model or --features)"
        )
    if options.model is not None and options.features is not None:
        raise InputError("--model says what the models read, and --features assumes it: give one of them")
    if options.candidates is not None:
        raise InputError("--candidates compares people with both models themselves: give BEFORE and AFTER")
    before, after = (read_answers(file, options.digits) for file in scored)
    return before, after, options.model if options.features is None else options.features


def ranked(options: argparse.Namespace, before: Model, after: Model, public: pd.DataFrame) -> pd.DataFrame:
    """Return the candidates, the likeliest first."""
    from undelete.auditing.who import who_was_deleted
    from undelete.data.table import read_table

    return who_was_deleted(
        before, after, public, read_table(options.candidates), target=options.target, n=options.n, l2=options.l2,
        deleted=options.deleted, joined=options.joined, offset=options.offset, exposure=options.exposure,
        sample_weight=options.sample_weight, rng=options.seed,
    )  # fmt: skip


def schema_of_options(options: argparse.Namespace, public: pd.DataFrame) -> Schema:
    """Return the schema that the names of all columns point to, also those that are not read; --image's with it."""
    from dataclasses import replace

    from undelete.data.census import schema_of
    from undelete.data.pixels import guess_range
    from undelete.data.schema import ImageInfo
    from undelete.data.table import column_names

    schema = schema_of(column_names(options.public))
    if options.image is None:
        if options.range is not None:
            raise InputError("--range says what is drawn black and white: it needs --image HxW")
        return schema
    shape, planes = options.image
    low, high = options.range or guess_range(public.drop(columns=options.target or []).select_dtypes("number"))
    info = ImageInfo(shape, low, high, planes=planes, guessed=options.range is None)
    return replace(schema, image=info)
