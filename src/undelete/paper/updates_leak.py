"""Updates-Leak, trained on shadow updates, on the deletions that other attacks are given."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.updates_leak.attack import fit_attack
from undelete.attacker.updates_leak.settings import Settings, View
from undelete.attacker.updates_leak.training import Autoencoder, pretrain
from undelete.lab.fitting import deal
from undelete.lab.images import Images
from undelete.lab.kept import Kept, Shelf, digest, leaking_code
from undelete.lab.models import Model
from undelete.lab.panel import play_release
from undelete.lab.shadow_updates import Roles, Updates, full_retraining, single_step
from undelete.lab.steps import TRIAL, Steps
from undelete.lab.summary import summary
from undelete.maths.embeddings import embed
from undelete.release.release import Release
from undelete.scoring.scores import centred_cosine, cosine
from undelete.scoring.truth import Truth

LEAKS: dict[str, tuple[Callable[..., Updates], View]] = {
    "updates_leak_step": (single_step, "log"),
    "updates_leak_retraining": (full_retraining, "log"),
    "updates_leak_step_published": (single_step, "probability"),
    "updates_leak_retraining_published": (full_retraining, "probability"),
}
"""By name: the scenario, and what the attacker takes the difference of, as published or better."""
_TRIAL_EPOCHS = 200
_FORM = 1  # of what is kept, and of how shadow updates are made


@dataclass(frozen=True)
class Plan:
    """How much Updates-Leak is given.

    Parameters
    ----------
    probes : int
        Public records whose probabilities it asks for.
    shadows : int
        Shadow updates.
    settings : Settings
        Of the training.
    """

    probes: int = 100
    shadows: int = 10_000
    settings: Settings = field(default_factory=Settings)


def planned(shadows: int | None = None, epochs: int | None = None, deletions: int | None = None) -> Plan:
    """Return what Updates-Leak is given, where it is not said the paper's; of few deletions, a trial, a tenth."""
    plan = Plan()
    if deletions is not None and deletions < TRIAL:
        plan = Plan(shadows=plan.shadows // 10, settings=replace(plan.settings, epochs=_TRIAL_EPOCHS))
    settings = replace(plan.settings, epochs=epochs or plan.settings.epochs)
    return replace(plan, shadows=shadows or plan.shadows, settings=settings)


def play_leaks(
    population: Images,
    model: Model,
    count: int,
    seed: int,
    plan: Plan,
    steps: Steps,
    kept: Shelf,
    names: Sequence[str] = tuple(LEAKS),
) -> dict[str, Kept]:
    """Train Updates-Leak for each name in `LEAKS` and attack the deletions of a panel.

    Returns
    -------
    dict
        By name: the arrays "rows" (b,) of the private records and the "guesses" (b, d0) of them; the account has
        the `summary` of their similarities, the `cost`, and how the trainings went.
    """
    _, mark = deal(model, population, seed, steps)
    key = digest(_FORM, mark, count, plan, leaking_code())
    found = {name: kept.load(f"{name}-{count}", key) for name in names}
    known = {name: one for name, one in found.items() if one is not None}
    steps.add(count * len(known))
    if len(known) == len(names):
        return known
    release, truth, _ = play_release(population, model, count, seed, kept)
    streams = np.random.SeedSequence([seed, 8]).spawn(2 + len(LEAKS))
    roles = Roles.deal(len(release.X_public), plan.probes, plan.shadows, np.random.default_rng(streams[0]))
    told = _told(steps, population.name)
    began, own = time.perf_counter(), np.setdiff1d(np.arange(len(release.X_public)), roles.probes)
    autoencoder = pretrain(
        release.records_public[own], population.data.info.shape, plan.settings, _number(streams[1]), told
    )
    spent = time.perf_counter() - began
    updates: dict[Callable[..., Updates], Updates] = {}
    for (name, (scenario, view)), stream in zip(LEAKS.items(), streams[2:], strict=True):
        if name in names and name not in known:
            if scenario not in updates:
                updates[scenario] = scenario(release, truth, roles, told)
            settings = replace(plan.settings, view=view)
            arrays, account = _attacked(release, truth, updates[scenario], autoencoder, settings, stream, told)
            account["cost"]["seconds_autoencoder"] = spent
            known[name] = kept.store(f"{name}-{count}", key, arrays, account)
            steps.add(count)
    return known


def _told(steps: Steps, what: str) -> Callable[[int, int, str], None]:
    def told(done: int, total: int, stage: str) -> None:
        steps.begin(f"{what}, Updates-Leak: {stage} {done}/{total}")

    return told


def _number(stream: np.random.SeedSequence) -> int:
    return int(stream.generate_state(1)[0])


def _attacked(
    release: Release,
    truth: Truth,
    updates: Updates,
    autoencoder: Autoencoder,
    settings: Settings,
    stream: np.random.SeedSequence,
    told: Callable[[int, int, str], None],
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Train on one scenario's shadow updates, and reconstruct from what its updates changed."""
    began = time.perf_counter()
    shadows, seen = updates.seen(settings.view)
    attack = fit_attack(shadows, updates.probes, autoencoder, settings, _number(stream), told)
    trained = time.perf_counter()
    guesses = attack.reconstruct(seen, np.random.default_rng(stream))
    finished = time.perf_counter()
    scores = {
        "cosine": cosine(truth.records, guesses),
        "centred": centred_cosine(truth.records, guesses, release.records_public.mean(axis=0)),
        "direction": np.zeros(len(guesses)),
    }
    if release.embedding is not None:
        scores["embedding"] = cosine(truth.X[:, :-1], embed(release.embedding, guesses, constant=False))
    account: dict[str, Any] = {
        "view": settings.view, "summary": summary(scores) | {"seconds_each": (finished - began) / len(guesses)},
        "probes": len(updates.probes), "shadows": len(shadows.records),
        "queries": 2 * len(updates.probes) * len(guesses),
        "training": asdict(attack.trained), "autoencoder": asdict(autoencoder.trained),
        "cost": updates.account | {"seconds_networks": trained - began, "seconds_attack": finished - trained},
    }  # fmt: skip
    assert truth.rows is not None
    return scores | {"rows": truth.rows, "guesses": guesses}, account
