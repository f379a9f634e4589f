"""Updates-Leak: a record from what a model answers before and after an update, by a trained network; maths (17), (18).

The attacker may only ask: which probabilities do the model with the record and the one without it give for p probe
records of its own? Shadow updates, made from public records, give pairs of such a change and the record
behind it. On these an encoder is trained, from the change to the latent space of a decoder that has learnt before,
in an autoencoder, what public records look like.

Source: Salem et al., Updates-Leak: Data Set Inference and Reconstruction Attacks in Online Learning (2020), Sections
4.2 (`variant="autoencoder"`) and 5.2 (`variant="generator"`); the paper's Appendix B. Needs the extra `torch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from undelete.attacker.updates_leak.networks import Adversary, medoid, read, reader, torch
from undelete.attacker.updates_leak.seen import Inputs, observe
from undelete.attacker.updates_leak.settings import Settings
from undelete.attacker.updates_leak.training import (
    Autoencoder,
    Progress,
    Scaling,
    Trained,
    Training,
    applied,
    parted,
    seeded,
    train,
)
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.embeddings import embed
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release


@dataclass(frozen=True, eq=False)
class Shadows:
    """Shadow updates: changes (s, p, k) of the answers at p probes, and the public records (s, d0) behind them."""

    changes: Floats
    records: Floats

    def __post_init__(self) -> None:
        if len(self.changes) != len(self.records) or len(self.records) < 2:
            raise InputError(
                f"there are {len(self.changes)} changes and {len(self.records)} records of shadow updates: give one of "
                "each, of two updates at least"
            )


def fit_attack(
    shadows: Shadows,
    probes: Floats,
    autoencoder: Autoencoder,
    settings: Settings,
    seed: int,
    progress: Progress | None = None,
) -> UpdatesLeak:
    """Train the attack on shadow updates.

    Parameters
    ----------
    shadows : Shadows
        Made from public records.
    probes : array (p, d)
        The public records whose probabilities are asked for, in the model's space.
    autoencoder : Autoencoder
        Its decoder is where training starts; it is not changed.
    settings : Settings
        How it is trained.
    seed : int
        Determines the first weights, who judges, the order of training and the noise.
    progress : callable, optional
        Called as progress(done, total, stage), in epochs.

    Raises
    ------
    InputError
        When torch is not installed, or changes are not of these probes.
    """
    if shadows.changes.shape[1] != len(probes):
        raise InputError(
            f"the shadow updates are seen at {shadows.changes.shape[1]} probes, and there are {len(probes)}: give those"
        )
    told, judges = parted(len(shadows.records), settings, seed)
    inputs = Inputs.of(shadows.changes[told.numpy()])
    x, y = inputs.forth(shadows.changes), autoencoder.scaling.forth(shadows.records)
    with seeded(seed):
        noise = settings.noise if settings.variant == "generator" else 0
        networks = reader(x.shape[1], settings.widths, noise, autoencoder.decoder)
        adversary = Adversary(autoencoder.shape, settings.learning_rate) if noise else None
    draws = torch().Generator().manual_seed(seed)

    def error(rows: Any, answers: Any) -> Any:
        return (answers - y[rows]).square().mean(dim=2).amin(dim=0)  # of several answers, the best

    def loss(rows: Any) -> Any:
        rows = told[rows]
        answers = read(networks, x[rows], settings.draws, draws)
        value = error(rows, answers).mean()
        return value if adversary is None else value + settings.realism * adversary.loss(y[rows], answers)

    def judge() -> float:
        fixed = torch().Generator().manual_seed(seed)
        return float(applied(lambda rows: error(rows, read(networks, x[rows], settings.draws, fixed)), judges).mean())

    training = Training(networks, loss, judge, len(told))
    trained = train(training, settings, settings.epochs, seed, "shadow updates", progress)
    return UpdatesLeak(probes, inputs, autoencoder.scaling, networks, settings, trained)


@dataclass(frozen=True, eq=False)
class UpdatesLeak:
    """A trained attack: called as any other, with a release and a generator; it looks at `observe` alone.

    Parameters
    ----------
    probes : array (p, d)
        The public records that it asks the model about.
    inputs : Inputs
        How the changes are scaled.
    scaling : Scaling
        How the records are.
    networks : torch module
        Encoder and decoder.
    settings : Settings
        How they were trained.
    trained : Trained
        How it went: mean square error on held-out shadow pairs, in units of the public deviation.
    """

    probes: Floats
    inputs: Inputs
    scaling: Scaling
    networks: Any
    settings: Settings
    trained: Trained

    def __call__(self, release: Release, rng: np.random.Generator) -> Reconstruction:
        """Return what the changes of a release's answers say of the deleted records."""
        changes = observe(release, self.probes, self.settings.view)
        X = records = self.reconstruct(changes, rng)
        silent = (changes == 0).all(axis=(1, 2))[:, None]
        if release.embedding is not None:
            X = embed(release.embedding, records, constant=release.W_before.shape[0] > release.embedding.features)
        elif release.W_before.shape[0] > records.shape[1]:
            X = np.column_stack([records, np.ones(len(records))])
        return Reconstruction(
            attack="updates_leak",
            X=np.where(silent, np.nan, X),
            inputs=None if release.embedding is None else np.where(silent, np.nan, records),
            status=["unchanged" if same else "ok" for same in silent[:, 0]],
        )

    def reconstruct(self, changes: Floats, rng: np.random.Generator) -> Floats:
        """Return the records (b, d0) behind changes (b, p, k) of the answers at the probes."""
        draws = torch().Generator().manual_seed(int(rng.integers(2**31)))
        found = applied(
            lambda part: medoid(read(self.networks, part, self.settings.samples, draws)), self.inputs.forth(changes)
        )
        return self.scaling.back(found)
