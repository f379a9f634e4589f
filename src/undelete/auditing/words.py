"""What both commands say of themselves: the report's words, the attacks and the seed that were asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from undelete.adapters.model import LinearModel
from undelete.attacker.baselines import AVG, MAXDIFF
from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.auditing.setting import Target
from undelete.data.schema import Schema
from undelete.errors import InputError

DEFAULT = (HREC_PLUS, HREC, AVG, MAXDIFF)


@dataclass(frozen=True)
class Words:
    """What the report calls things; nothing is computed from it.

    Parameters
    ----------
    schema : Schema, optional
        Columns in a reader's words; by default the known one that the column names point to.
    target : Target, optional
        The target in a reader's words.
    source : str or None
        Where the public records are from.
    command : str or None
        How to run it again.
    names : tuple of str
        What the two models are called.
    kind : str or None
        "demo" for the demonstration.
    quality : mapping of str to float, optional
        How well the model predicts, by the measure's name.
    notes : tuple of str
        What a reader should know of how the records were read.
    """

    schema: Schema | None = None
    target: Target | None = None
    source: str | None = None
    command: str | None = None
    names: tuple[str | None, str | None] = (None, None)
    kind: str | None = None
    quality: Mapping[str, float] | None = None
    notes: tuple[str, ...] = ()


def seeds(rng: int) -> np.random.SeedSequence:
    """Return where all streams of random numbers come from; refuse what is no seed."""
    if not isinstance(rng, int | np.integer) or rng < 0:
        raise InputError(f"rng is {rng!r}: it is a seed, a whole number of zero or more")
    return np.random.SeedSequence(int(rng))


def target_words(model: LinearModel, names: Sequence[str], words: Words, schema: Schema) -> Target | None:
    """Return the target in a reader's words; None where there is none."""
    if not names or words.target is not None:
        return words.target
    if len(names) > 1:
        together = ", ".join(names)
        return Target(name=together, label=together, columns=tuple(names))
    name, known = names[0], schema[names[0]]
    kind = "number" if model.classes is None else "class"
    classes = None if model.classes is None else tuple(model.classes)
    return Target(name=name, label=known.label, unit=known.unit, kind=kind, classes=classes)


def described(model: LinearModel, n: int | None, words: Words) -> dict[str, Any]:
    """Return the model as audit.json describes it."""
    penalty = None if model.l2 is None else float(np.max(model.l2))
    return {
        "kind": model.kind,
        "loss": model.loss,
        "features": int(model.W.shape[0]),
        "outputs": int(model.W.shape[1]),
        "inputs": None if model.embedding is None else model.embedding.inputs,
        "intercept": model.has_constant,
        "penalty": penalty,
        "n": n,
        "steps": list(model.steps),
        "before": words.names[0],
        "after": words.names[1],
        "quality": None if words.quality is None else dict(words.quality),
    }
