"""What the attacker holds beside the old model, and what of the new one, by the names of `Release`'s fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Required, TypedDict

from undelete.maths.arrays import Floats, Indices
from undelete.maths.embeddings import Embedding
from undelete.release.columns import Column


class Later(TypedDict, total=False):
    """What is known of the new models where their coefficients do not say it all, maths (19), (20), (24)."""

    answer_change: Floats
    penalty_share: Floats
    share_error: Floats
    penalty_change: Floats


class After(Later):
    """The new models."""

    W_after: Required[Floats]


class Public(TypedDict, total=False):
    """The public records, and what their columns are; the attacker has it without the maintainer."""

    X_public: Required[Floats]
    Y_public: Required[Floats | None]
    target_kind: Required[Literal["number", "class"]]
    offset_public: Floats | None
    constant: Floats | None
    columns: Sequence[Column]
    public_codes: Indices | None
    public_values: Floats | None
    embedding: Embedding | None
    inputs_public: Floats | None
    unlike: float
