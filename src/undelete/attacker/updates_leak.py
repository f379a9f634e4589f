"""Updates-Leak: a record from what a model answers before and after an update, by a trained network; maths (17), (18).

The attacker may only ask: which probabilities do the model with the record and the one without it give for p probe
records of its own? Shadow updates, made from public records, give pairs of such a change and the record
behind it. On these an encoder is trained, from the change to the latent space of a decoder that has learnt before,
in an autoencoder, what public records look like.

Source: Salem et al., Updates-Leak: Data Set Inference and Reconstruction Attacks in Online Learning (2020), Sections
4.2 (`variant="autoencoder"`) and 5.2 (`variant="generator"`); the paper's Appendix B. Needs the extra `torch`.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import expit

from undelete.attacker.leak_networks import Scaling, Trained, applied, decoder, encoder, torch, train
from undelete.errors import InputError
from undelete.maths.embeddings import embed
from undelete.maths.losses import Loss, Softmax
from undelete.maths.objective import predict
from undelete.release import Floats, Reconstruction, Release

Progress = Callable[[int, int, str], None]
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
    pretraining: int = 15
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


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """What public records look like: a decoder from a latent space to records (b, d0), and how it was trained."""

    shape: tuple[int, ...]
    scaling: Scaling
    decoder: Any
    trained: Trained


def answer_change(loss: Loss, without: Floats, with_record: Floats, view: View = "log") -> Floats:
    """Return how the answers of the model with a record differ from those of the model without it.

    Parameters
    ----------
    loss : Loss
        Softmax, or logistic.
    without, with_record : arrays (..., p, k)
        The models' predictions Z at p probes, before the loss; whoever gets probabilities has the same answer.
    view : {"log", "probability"}
        Of log probabilities less their mean over the classes (logistic: log odds), or of probabilities.

    Raises
    ------
    InputError
        For a loss whose models give no probabilities.

    Examples
    --------
    >>> before, after = np.zeros((1, 2)), np.log([[3.0, 1.0]])
    >>> answer_change(Softmax(), before, after, "probability").round(6).tolist()
    [[0.25, -0.25]]
    >>> bool(np.isclose(np.diff(answer_change(Softmax(), before, after)), -np.log(3)).all())
    True
    """
    if loss.name not in ("softmax", "logistic"):
        raise InputError(
            f"Updates-Leak reads probabilities, and a model of {loss.name} loss gives none: take one of logistic or "
            "softmax loss"
        )
    if view == "log":
        change = with_record - without
        return np.asarray(change if loss.name == "logistic" else change - change.mean(axis=-1, keepdims=True))
    if isinstance(loss, Softmax):
        return np.asarray(loss.probabilities(with_record) - loss.probabilities(without))
    return np.asarray(expit(with_record) - expit(without))


def observe(release: Release, probes: Floats, view: View = "log") -> Floats:
    """Return all that Updates-Leak sees of a release: the change (b, p, k) of the answers at probes (p, d).

    Of a deletion, so the model with the record is the old one. The parameters are used to answer, as the model's
    owner would, and go nowhere else. Cost 2 b p d k flops.
    """
    after = predict(probes, release.W_after)  # (p, b, k)
    return answer_change(release.loss, np.moveaxis(after, 0, 1), (probes @ release.W_before)[None], view)


def pretrain(
    records: Floats, shape: Sequence[int], settings: Settings, seed: int, progress: Progress | None = None
) -> Autoencoder:
    """Train an autoencoder on public records.

    Parameters
    ----------
    records : array (m, d0)
        Public records.
    shape : sequence of int
        Of an image, (h, w) or (h, w, channels), whose rows follow each other in a record; (d0,) where there is none.
    settings : Settings
        How it is trained.
    seed : int
        Determines the first weights, who judges, and the order of training.
    progress : callable, optional
        Called as progress(done, total, stage), in epochs.

    Raises
    ------
    InputError
        When torch is not installed, or records do not have the shape.

    Notes
    -----
    Six times the networks' multiply-adds for each record and epoch: of 32 x 32 x 3 about 5 million, one way.
    """
    if int(np.prod(shape)) != records.shape[1]:
        raise InputError(
            f"records have {records.shape[1]} columns, not the {int(np.prod(shape))} of an image of {tuple(shape)}"
        )
    tor = torch()
    scaling = Scaling.of(records, shape)
    with _seeded(seed):
        networks = tor.nn.Sequential(encoder(shape, settings.latent), decoder(shape, settings.latent))
    told, judges = _split(len(records), settings, seed)
    seen = scaling.forth(records)

    def loss(rows: Any) -> Any:
        batch = seen[told[rows]]
        return (networks(batch) - batch).square().mean()

    def judge() -> float:
        return float((applied(networks, seen[judges]) - seen[judges]).square().mean())

    trained = _run(networks, loss, judge, len(told), settings, settings.pretraining, seed, progress, "autoencoder")
    return Autoencoder(tuple(shape), scaling, networks[1], trained)


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
    told, judges = _split(len(shadows.records), settings, seed)
    inputs = Inputs.of(shadows.changes[told.numpy()])
    x, y = inputs.forth(shadows.changes), autoencoder.scaling.forth(shadows.records)
    with _seeded(seed):
        networks = _networks(x.shape[1], autoencoder, settings)
        noise = torch().Generator().manual_seed(seed)
        adversary = _Adversary(autoencoder.shape, settings) if settings.variant == "generator" else None

    def error(rows: Any, answers: Any) -> Any:
        return (answers - y[rows]).square().mean(dim=2).amin(dim=0)  # of several answers, the best

    def loss(rows: Any) -> Any:
        rows = told[rows]
        answers = _answers(networks, x[rows], settings, settings.draws, noise)
        value = error(rows, answers).mean()
        return value if adversary is None else value + settings.realism * adversary.loss(y[rows], answers)

    def judge() -> float:
        fixed = torch().Generator().manual_seed(seed)
        return float(
            applied(
                lambda rows: error(rows, _answers(networks, x[rows], settings, settings.draws, fixed)), judges
            ).mean()
        )

    trained = _run(networks, loss, judge, len(told), settings, settings.epochs, seed, progress, "shadow updates")
    return UpdatesLeak(probes, inputs, autoencoder.scaling, networks, settings, trained)


@dataclass(frozen=True, eq=False)
class Inputs:
    """Changes of answers as the encoder sees them: each at length one, then standardised by the shadows'.

    The length says how wrong the model was on the record and how long the step, hardly what the record is; and a
    change of any length is then one like the shadows'.

    Parameters
    ----------
    mean, deviation : arrays (p k,)
        Of the shadows' changes at length one.
    """

    mean: Floats
    deviation: Floats

    @classmethod
    def of(cls, changes: Floats) -> Inputs:
        """Return that of shadow updates (s, p, k)."""
        directions = _directions(changes)
        deviation = directions.std(axis=0)
        return cls(directions.mean(axis=0), np.where(deviation > 0, deviation, 1.0))

    def forth(self, changes: Floats) -> Any:
        """Return changes (b, p, k) as a float32 tensor (b, p k)."""
        scaled = (_directions(changes) - self.mean) / self.deviation
        return torch().from_numpy(scaled.astype(np.float32))


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
        noise = torch().Generator().manual_seed(int(rng.integers(2**31)))
        count = self.settings.samples
        answers = [
            _answers(self.networks, part, self.settings, count, noise).detach()
            for part in self.inputs.forth(changes).split(64)
        ]
        return self.scaling.back(torch().cat([_medoid(part) for part in answers]))


class _Adversary:
    """Tells public records from drawn ones; trained in turns with the generator."""

    def __init__(self, shape: Sequence[int], settings: Settings) -> None:
        self.network = encoder(shape, 1)
        self.optimiser = torch().optim.Adam(self.network.parameters(), lr=settings.learning_rate, betas=(0.5, 0.999))

    def loss(self, real: Any, drawn: Any) -> Any:
        """Train one step on real records (b, d0) and drawn ones (s, b, d0), and return how well these pass for real."""
        softplus = torch().nn.functional.softplus
        self.optimiser.zero_grad()
        own = softplus(-self.network(real)).mean() + softplus(self.network(drawn.detach().flatten(0, 1))).mean()
        own.backward()
        self.optimiser.step()
        return softplus(-self.network(drawn.flatten(0, 1))).mean()


def _networks(inputs: int, autoencoder: Autoencoder, settings: Settings) -> Any:
    """Return [encoder of changes, from there and noise to the latent space, decoder]."""
    nn = torch().nn
    widths = [inputs, *settings.widths]
    layers = [layer for a, b in itertools.pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
    noise = settings.noise if settings.variant == "generator" else 0
    return nn.ModuleList(
        [nn.Sequential(*layers), nn.Linear(widths[-1] + noise, settings.latent), copy.deepcopy(autoencoder.decoder)]
    )


def _answers(networks: Any, x: Any, settings: Settings, count: int, generator: Any) -> Any:
    """Return answers (s, b, d0) to changes (b, p k): one, or of a generator as many as are drawn."""
    tor = torch()
    read = networks[0](x)
    if settings.variant == "autoencoder":
        return networks[2](networks[1](read))[None]
    noise = tor.randn(count, len(x), settings.noise, generator=generator)
    latent = networks[1](tor.cat([read.expand(count, *read.shape), noise], dim=2))
    return networks[2](latent.flatten(0, 1)).unflatten(0, (count, len(x)))


def _medoid(answers: Any) -> Any:
    """Return of answers (s, b, d0) that (b, d0) with the least sum of distances to the others."""
    rows = answers.transpose(0, 1)  # (b, s, d0)
    nearest = torch().cdist(rows, rows).sum(dim=2).argmin(dim=1)
    return rows[torch().arange(len(rows)), nearest]


def _directions(changes: Floats) -> Floats:
    """Return changes (b, p, k) as rows (b, p k) of mean square one; zero where there is none."""
    flat = changes.reshape(len(changes), -1)
    size = np.sqrt(np.square(flat).mean(axis=1, keepdims=True))
    return np.asarray(flat / np.where(size > 0, size, 1.0))


def _split(count: int, settings: Settings, seed: int) -> tuple[Any, Any]:
    """Return the numbers of the records to train on, and of those that judge."""
    order = torch().randperm(count, generator=torch().Generator().manual_seed(seed))
    judges = min(count - 1, max(1, round(settings.held_out * count)))
    return order[judges:], order[:judges]


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw first weights by the seed, and leave everybody else's draws as they were."""
    state = torch().random.get_rng_state()
    torch().manual_seed(seed)
    yield
    torch().random.set_rng_state(state)


def _run(
    networks: Any,
    loss: Callable[[Any], Any],
    judge: Callable[[], float],
    count: int,
    settings: Settings,
    epochs: int,
    seed: int,
    progress: Progress | None,
    stage: str,
) -> Trained:
    def said(done: int, total: int) -> None:
        if progress is not None:
            progress(done, total, stage)

    return train(
        networks, loss, judge, count, torch().Generator().manual_seed(seed), epochs=epochs,
        patience=settings.patience, batch=settings.batch, learning_rate=settings.learning_rate, progress=said,
    )  # fmt: skip
