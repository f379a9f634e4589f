"""What reports and scores ask of a release, whatever the model is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from undelete.maths.arrays import Floats
from undelete.maths.embeddings import Embedding
from undelete.release.columns import Column


class Seen(Protocol):
    """A release of linear models or of networks: see `Release` for each field."""

    @property
    def deletions(self) -> int: ...  # noqa: D102
    @property
    def X_public(self) -> Floats: ...  # noqa: D102
    @property
    def Y_public(self) -> Floats | None: ...  # noqa: D102
    @property
    def n(self) -> int | None: ...  # noqa: D102
    @property
    def n_error(self) -> float: ...  # noqa: D102
    @property
    def l2(self) -> Floats | None: ...  # noqa: D102
    @property
    def constant(self) -> Floats | None: ...  # noqa: D102
    @property
    def columns(self) -> Sequence[Column]: ...  # noqa: D102
    @property
    def public_codes(self) -> NDArray[np.int64] | None: ...  # noqa: D102
    @property
    def public_values(self) -> Floats | None: ...  # noqa: D102
    @property
    def target_kind(self) -> Literal["number", "class"]: ...  # noqa: D102
    @property
    def embedding(self) -> Embedding | None: ...  # noqa: D102
    @property
    def inputs_public(self) -> Floats | None: ...  # noqa: D102
    @property
    def records_public(self) -> Floats: ...  # noqa: D102
    @property
    def tolerance(self) -> float | None: ...  # noqa: D102
    def save(self, path: str | os.PathLike[str]) -> None: ...  # noqa: D102
