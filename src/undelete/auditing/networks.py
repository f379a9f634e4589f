"""`audit` of two networks: from modules and a public table to the same `Audit` as any other."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from undelete.adapters.files.networks import Architecture
from undelete.adapters.torch import Pair
from undelete.adapters.torch_loss import LossLike
from undelete.attacker.attack import Attack
from undelete.attacker.attacks import ATTACKS, chosen
from undelete.attacker.networks.attack import NAMES, Attacked, attack
from undelete.attacker.networks.estimate import Estimator
from undelete.attacker.networks.export import NamedGradient
from undelete.auditing import given_away, truths
from undelete.auditing.diagnostics import Diagnostic
from undelete.auditing.examine import judged
from undelete.auditing.inputs import Table
from undelete.auditing.network_checks import checks
from undelete.auditing.network_features import Features
from undelete.auditing.network_files import FromFiles
from undelete.auditing.network_reading import Reading, Training, opened, perceptrons, read_networks, true_records
from undelete.auditing.network_stated import StatedNetworks
from undelete.auditing.pointed import pointed
from undelete.auditing.result import Audit
from undelete.auditing.setting import Setting, Target
from undelete.auditing.tables import all_columns, public_records
from undelete.auditing.words import Words
from undelete.data.census import schema_of
from undelete.errors import InputError, NotAttacked
from undelete.maths.arrays import Floats
from undelete.release.networks import NetworkRelease
from undelete.scoring.truth import Truth


def audit_networks(
    before: Any,
    after: Any,
    public: Table,
    training: Training,
    *,
    features: Features | None,
    target: str | Sequence[str] | None,
    truth: Table | Mapping[str, Any] | None,
    attacks: Sequence[str | Attack],
    seed: np.random.SeedSequence,
    words: Words,
    stated: StatedNetworks,
) -> Audit:
    """Audit one deletion between two torch modules; see `undelete.audit`."""
    names = asked_attacks(attacks)
    table, sampled = public_records(public, [before], target)
    files, given = FromFiles.of(before, after), (before, after)
    unsaid = training.unsaid(before)
    before, after, training, features, later = perceptrons(before, after, training, features)
    training, told = files.counted(training)
    try:
        pair, release, reading = read_networks(
            before, after, table, training, features=features, target=target, later=later
        )
    except NotAttacked as error:
        raise pointed(error, *given) from error
    release, noise = stated.seen(release)
    release = given_away.told(release, files.exact(release))
    attacked = attack(release, names)
    release = attacked.release
    record = None if truth is None else true_records(truths.one_record(truth), reading, release)
    added = _gained(release, attacked, record)
    schema = words.schema or schema_of(all_columns(public, table))
    return examined(
        release, attacked, record, pair, reading,
        Setting(
            kind="audit",
            text="Which record was deleted between these two networks, and how much of it do they give back?",
            model=described_networks(pair, release, words),
            target=words.target or target_of(reading, schema),
            schema=schema,
            public_source=words.source,
            command=words.command,
            protection=stated.played,
        ),
        seed, warnings=[*words.notes, *unsaid, *told, *sampled, *stated.notes, *added], files=files, stated=stated,
        noise=noise,
    )  # fmt: skip


def _gained(release: NetworkRelease, attacked: Attacked, truth: Truth | None) -> list[str]:
    """Say what the values that the files give away add to the attack."""
    if release.given is None:
        return []
    without = attack(dataclasses.replace(release, given=None), ["hrec+"], further=False)
    return given_away.gain(release, attacked.found["hrec+"], without.found["hrec+"], truth)


def deleted_gradient(
    before: Any,
    after: Any,
    public: Table,
    *,
    loss: LossLike,
    n: int,
    target: str | Sequence[str],
    features: Features | None = None,
    l2: float | Mapping[str, float] | None = None,
    weight_decay: float | Mapping[str, float] | None = None,
    architecture: Architecture | None = None,
) -> NamedGradient:
    """Return the deleted record's gradient at the old network with its error bars, for whatever tool inverts gradients.

    Parameters
    ----------
    before, after, public, loss, n, target, features, l2, weight_decay, architecture
        As of `undelete.audit`.

    Returns
    -------
    NamedGradient
        By the parameters' names; `save` writes it to an .npz file.

    Raises
    ------
    InputError
        As `undelete.audit`.
    """
    first, second = (opened(model, architecture, trust=False) for model in (before, after))
    table, _ = public_records(public, [first], target)
    training = Training(loss, n, l2, weight_decay)
    _, release, _ = read_networks(first, second, table, training, features=features, target=target)
    return NamedGradient.of(release, Estimator(release).estimate(0))


def examined(
    release: NetworkRelease,
    attacked: Attacked,
    truth: Truth | None,
    pair: Pair,
    reading: Reading,
    setting: Setting,
    seeds: np.random.SeedSequence,
    warnings: Sequence[str] = (),
    more: Sequence[Diagnostic] = (),
    files: FromFiles | None = None,
    stated: StatedNetworks | None = None,
    noise: Floats | None = None,
) -> Audit:
    """Return the judgement on what the attacks said.

    `more` checks than the attack's own; what `files` give away; what is `stated`, and the `noise` by it.
    """
    files = files or FromFiles()
    found = checks(release, attacked.account, rounding=pair.rounding, digits=pair.digits, kinks=pair.kinks)
    found, hidden = (stated or StatedNetworks()).judged(release, [*found, *files.checks, *more], noise)
    warnings = [*warnings, *_notes(pair, release), *files.not_used(release)]
    _, score_seed, picture_seed = seeds.spawn(3)
    return judged(
        release, [ATTACKS[name] for name in attacked.found], attacked.found, truth, setting, found,
        (score_seed, picture_seed), warnings=warnings,
        leaks=files.leaks(release), exact=files.exact(release), given=files.mostly(release), hidden=hidden,
    )  # fmt: skip


def asked_attacks(attacks: Sequence[str | Attack]) -> list[str]:
    """Return the names of attacks, if all run on networks."""
    names = [one.name for one in chosen(attacks)]
    for name in names:
        if name not in NAMES:
            raise InputError(f"there is no attack {name!r} on networks; choose among {', '.join(NAMES)}")
    return names


def _notes(pair: Pair, release: NetworkRelease) -> list[str]:
    told = []
    if pair.fixed:
        moved = ", ".join(name for name, _, _ in pair.network.sizes)
        told.append(
            f"Only {release.network.parameters:,} of {release.network.parameters + pair.fixed:,} parameters changed "
            f"({moved}): the others were frozen, and the attack works in these."
        )
    return [*told, *dropped(pair)]


def dropped(pair: Pair) -> list[str]:
    """Say that dropout is off, where there is any."""
    if not pair.dropout:
        return []
    return [
        f"The network has {', '.join(pair.dropout)} layers, which are off here: where they were on in training, "
        "what they drew is in the difference of the models too."
    ]


def target_of(reading: Reading, schema: Any) -> Target:
    """Return the target in a reader's words."""
    if len(reading.names) > 1:
        together = ", ".join(reading.names)
        return Target(name=together, label=together, columns=reading.names)
    known = schema[reading.names[0]]
    kind = "number" if reading.classes is None else "class"
    return Target(name=reading.names[0], label=known.label, unit=known.unit, kind=kind, classes=reading.classes)


def described_networks(pair: Pair, release: NetworkRelease, words: Words) -> dict[str, Any]:
    """Return the networks as audit.json describes them."""
    return {
        "kind": type(pair.network.module).__name__,
        "loss": pair.loss.name,
        "features": int(release.X_public.shape[1]),
        "outputs": int(release.Y_public.shape[1]),
        "inputs": None,
        "intercept": True,
        "penalty": float(release.penalty_before.max(initial=0.0)),
        "n": release.n,
        "steps": [],
        "before": words.names[0],
        "after": words.names[1],
        "quality": None if words.quality is None else dict(words.quality),
        "parameters": release.network.parameters + pair.fixed,
        "moved": [name for name, _, _ in release.network.sizes],
    }
