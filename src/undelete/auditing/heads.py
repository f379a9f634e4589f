"""Two networks of which only the head moved, as two linear models behind a frozen net: the rest is as of any two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isqrt
from typing import Any

import numpy as np
import pandas as pd

from undelete.adapters.head import Head
from undelete.adapters.low_rank import refuse_merged
from undelete.adapters.model import LinearModel
from undelete.adapters.torch import Pair, is_module, penalty
from undelete.adapters.torch_loss import targets
from undelete.attacker.networks.penalty import head_penalty
from undelete.auditing import inputs
from undelete.auditing.diagnostics import Diagnostic
from undelete.auditing.network_checks import DRAWS, digits_told, penalty_check
from undelete.auditing.network_features import Features, read_features
from undelete.auditing.network_reading import TWICE, Training
from undelete.auditing.networks import dropped
from undelete.data.schema import ImageInfo
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.frozen import FrozenNet
from undelete.maths.losses import loss_of
from undelete.maths.objective import predict
from undelete.release.release import Release


@dataclass(frozen=True, eq=False)
class Heads:
    """Two heads as linear models.

    Parameters
    ----------
    before, after : LinearModel
        On what the frozen net makes of a record; on the record itself where nothing is before the layer.
    pair : Pair
        The networks.
    """

    before: LinearModel
    after: LinearModel
    pair: Pair

    @property
    def parameters(self) -> int:
        """How many the network has."""
        return self.pair.network.parameters + self.pair.fixed

    @property
    def described(self) -> dict[str, Any]:
        """What audit.json says of the network beyond a linear model."""
        return {"parameters": self.parameters, "moved": list(self.pair.network.moved)}

    @property
    def notes(self) -> list[str]:
        """For the report."""
        phi, moved = self.before.embedding, ", ".join(self.pair.network.moved)
        behind = (
            "the record itself" if phi is None else f"the {phi.features:,} features that the frozen net makes of it"
        )
        whole = f" of {self.parameters:,}" if self.pair.fixed else ""
        said = (
            f"Only {self.pair.network.parameters:,}{whole} parameters changed ({moved}), those of the last layer: it "
            f"is attacked as a linear model of {behind}."
        )
        return [said, *dropped(self.pair)]

    def checks(self, release: Release) -> list[Diagnostic]:
        """Compare the penalty with the old head, and say what rounding the parameters does."""
        told = head_penalty(release)
        found = [] if told is None or release.n is None else [penalty_check(told, release.n)]
        return [*found, *self._rounding(release)]

    def _rounding(self, release: Release) -> list[Diagnostic]:
        """Return what rounding errors do that are drawn; nothing where the parameters have all digits."""
        if self.pair.rounding == 0.0:
            return []
        X, W, rng = release.X_public, release.W_before, np.random.default_rng(0)
        Z, size, square = predict(X, W), 0.0, 0.0
        if release.Y_public is not None:
            own = release.loss.residual(release.Y_public, Z)
            size = float(((X**2).sum(axis=1) * (own**2).sum(axis=1)).mean())
        for _ in range(DRAWS):
            error = self.pair.rounding * np.abs(W) * rng.uniform(-1, 1, W.shape) * np.sqrt(2)  # both models are rounded
            moved = release.loss.curvature_action(release.Y_public, Z, X @ error)
            square += float(((X.T @ moved) ** 2).sum()) * ((release.n or len(X)) / len(X)) ** 2 / DRAWS
        return [digits_told(self.pair.digits, float(np.sqrt(square / size)))] if size > 0 else []


def read_heads(
    before: Any,
    after: Any,
    table: pd.DataFrame,
    training: Training,
    *,
    features: Features | None,
    target: str | Sequence[str] | None,
    image: ImageInfo | None,
) -> Heads | None:
    """Return two networks as heads; None where more than the last linear layer moved, or it has no loss of ours.

    Parameters
    ----------
    before, after : torch.nn.Module
        The networks.
    table : DataFrame
        The public records.
    training, features, target
        As of `undelete.auditing.networks.audit_networks`, which says what is wrong with them.
    image : ImageInfo or None
        What the columns are where they are an image's.

    Raises
    ------
    InputError
        When the two are not of one architecture.
    """
    names = inputs.target_columns(table, target)
    if not (is_module(before) and is_module(after)) or training.loss is None or not names or not len(table):
        return None
    read = read_features(features, table, names)
    X = read.design.transform(table.iloc[:_TRIED])
    pair = Pair.of(before, after, training.loss, (X.shape[1],))
    whole = _whole(pair.network.module, X, image)
    head = None if whole is None else Head.of(pair, whole, X)
    if whole is None or head is None:
        return None
    outputs = len(head.coef[0])
    Y, classes = targets(pair.loss, table[list(names)].to_numpy(), ", ".join(names), outputs)
    _not_merged(head, pair, X, Y)
    if head.embedding is None and head.intercept is not None:
        read = read_features(features, table, names, constant=True)
    models = [_model(i, head, pair, read, training, classes) for i in (0, 1)]
    return Heads(models[0], models[1], pair)


_TRIED = 64  # public records on which a network is tried


def _not_merged(head: Head, pair: Pair, X: Floats, Y: Floats) -> None:
    """Refuse a head into which adapters were merged: other directions of it were never trained."""

    def gradients() -> Floats:
        features = X if head.embedding is None else head.embedding.transform(X)
        Z = features @ head.coef[0].T + (0.0 if head.intercept is None else head.intercept[0])
        own = (Y[: len(X)] > 0).astype(np.float64) if head.loss == "softmax" else Y[: len(X)]
        return np.asarray(np.einsum("ro,ri->roi", loss_of(head.loss).residual(own, Z), features))

    name = f"{head.layer}.weight" if head.layer else "weight"
    refuse_merged(name, *head.coef, pair.rounding, gradients, squared=head.loss == "squared")


def _whole(module: Any, X: Floats, image: ImageInfo | None) -> FrozenNet | None:
    """Return a network as it reads records (m, d0): as a row of numbers, or as images where it takes none."""
    for shape, axes in ((X.shape[1:], None), *_shapes(module, X.shape[1], image)):
        try:
            net = FrozenNet(module, shape, axes)
            net.transform(X[:2])
        except (InputError, RuntimeError, ValueError, TypeError, IndexError, AssertionError):
            continue
        return net
    return None


def _shapes(module: Any, d: int, image: ImageInfo | None) -> list[tuple[tuple[int, ...], tuple[int, ...] | None]]:
    """Return the shapes that an image may have: as is said, or of its first convolution's channels, square."""
    if image is not None:
        h, w = image.shape[:2]
        if len(image.shape) == 2:
            return [((1, h, w), None), ((h, w), None)]
        return [((3, h, w), None)] if image.planes else [((h, w, 3), (2, 0, 1)), ((h, w, 3), None)]
    channels = next((part.in_channels for part in module.modules() if type(part).__name__ == "Conv2d"), 0)
    side = isqrt(d // channels) if channels else 0
    return [((channels, side, side), None)] if side and channels * side**2 == d else []


def _model(
    i: int, head: Head, pair: Pair, read: LinearModel, training: Training, classes: tuple[Any, ...] | None
) -> LinearModel:
    """Return the head before (0) or after (1) as a linear model; of two classes the difference of their outputs."""
    coef, intercept = head.coef[i], None if head.intercept is None else head.intercept[i]
    mean = training.weight_decay is not None
    if mean and training.l2 is not None:
        raise InputError(TWICE)
    given, what = (training.weight_decay, "weight_decay") if mean else (training.l2, "l2")
    own = pair.network.named(penalty(pair.network, given, what))
    l2 = np.array([float(array.flat[0]) for array in own.values()]) / head.factor  # one a parameter
    weight = next(j for j, name in enumerate(own) if name.endswith("weight"))
    each = np.full(coef.shape[1], l2[weight])
    if intercept is not None:
        each = np.append(each, l2[1 - weight])
    loss = head.loss
    if loss == "softmax" and len(coef) == 2:  # which pull apart alike: each has half of the difference
        coef, each, loss = coef[1:] - coef[:1], each / 2, "logistic"
        intercept = None if intercept is None else intercept[1:] - intercept[:1]
    phi = head.embedding
    return replace(
        read, coef=coef, intercept=intercept, loss=loss, classes=classes, l2=each, averaged=mean, embedding=phi,
        tolerance=None, kind=type(pair.network.module).__name__,
        steps=[*read.steps, *([] if phi is None else [type(phi).__name__])],
    )  # fmt: skip
