"""How Updates-Leak's networks are trained: what can be set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from undelete.errors import InputError

View = Literal["log", "probability"]
Variant = Literal["autoencoder", "generator"]
VIEWS: tuple[View, ...] = ("log", "probability")
VARIANTS: tuple[Variant, ...] = ("autoencoder", "generator")


@dataclass(frozen=True)
class Settings:
    """How the networks are trained.

    Parameters
    ----------
    view : {"log", "probability"}
        What is taken the difference of, see `answer_change`; Salem et al. take probabilities. That of probabilities is
        multiplied by the model's own curvature at each probe, which differs from model to model, so what is learnt
        on a shadow model does not carry over; that of logarithms depends on the record alone, maths (17).
    variant : {"autoencoder", "generator"}
        One answer, or of many drawn ones their medoid.
    latent : int
        Size of the latent space.
    widths : sequence of int
        Of the encoder's hidden layers.
    pretraining, epochs : int
        Epochs at most: of the autoencoder on public records, and of encoder and decoder on shadow pairs.
    patience : int
        Epochs without a lower held-out loss after which a training ends.
    held_out : float
        Share of the public records, and of the shadow pairs, that is not trained on but judges.
    batch : int
        Records a step.
    learning_rate : float
        Of Adam.
    noise : int
        Generator only: numbers drawn for an answer.
    draws : int
        Generator only: answers drawn in training, of which the best one counts.
    samples : int
        Generator only: answers drawn in the attack, of which the medoid is given.
    realism : float
        Generator only: weight of the discriminator's loss beside the mean square error.
    """

    view: View = "log"
    variant: Variant = "autoencoder"
    latent: int = 128
    widths: Sequence[int] = (512, 256)
    pretraining: int = 10
    epochs: int = 60
    patience: int = 5
    held_out: float = 0.1
    batch: int = 128
    learning_rate: float = 1e-3
    noise: int = 16
    draws: int = 4
    samples: int = 15
    realism: float = 0.01

    def __post_init__(self) -> None:
        if self.view not in VIEWS:
            raise InputError(f"view is {self.view!r}: it is log (of log probabilities) or probability")
        if self.variant not in VARIANTS:
            raise InputError(f"variant is {self.variant!r}: it is autoencoder (one answer) or generator (many drawn)")
        if not 0 < self.held_out < 1:
            raise InputError(f"held_out is {self.held_out}: it is the share of the pairs that judges, between 0 and 1")
