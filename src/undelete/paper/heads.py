"""Heads on frozen nets, the paper's last-layer fine-tuning: the label, the features and the image of who was deleted.

A softmax head is fitted to the optimum on what a frozen net makes of private images, with and without each of some of
them; the attack sees both heads, the net and public images.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from undelete.attacker.attacks import ATTACKS, run_attack
from undelete.attacker.baselines import AVG, MAXDIFF
from undelete.attacker.embedding.posterior import behind_features
from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.auditing.exposure import exposure
from undelete.lab.files import header, prepare, save
from undelete.lab.heads import HeadCase, HeadGame, played
from undelete.lab.steps import Folder, Progress, Steps
from undelete.maths.arrays import Floats
from undelete.maths.embeddings import Embedding
from undelete.paper.drawings import pictures
from undelete.release.release import Release
from undelete.scoring.intervals import wilson
from undelete.scoring.scores import centred_cosine

CASES = (
    HeadCase("fashion64", "Fashion-MNIST, 64 features", "fashion_mnist", 10_000, 64, 2),
    HeadCase("fashion256", "Fashion-MNIST, 256 features", "fashion_mnist", 10_000, 256, 2,
             (("features", 0.99), ("image", 0.91), ("label", 1.0))),
    HeadCase("cifar128", "CIFAR-10, 128 features of a weak net", "cifar10", 8_000, 128, 3),
    HeadCase("convolutions256", "Fashion-MNIST, 256 features of random convolutions", "fashion_mnist", 8_000, 256, 0,
             (("image", 0.96),)),
)  # fmt: skip
FEATURES = (
    "one hidden layer of ReLU that other images of the set trained with Adam, or convolutions with tanh as they were "
    "drawn; pixels scaled to [-1, 1]"
)
SPLIT = "private, public and the net's own images dealt apart at random by the seed"
SPLITS, EACH = 3, 20  # splits, and deletions on each
_KNOWN = 1e-9  # variance of features that are known, beside their own
_DRAWN = 1000  # numbers of a record up to which (11) with a normal prior is played too
_SHOWN = 10
_DECIMALS = 6


def heads(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Attack heads on frozen nets, and write ``heads.json`` with pictures.

    Parameters
    ----------
    data_dir : path or None
        Where the images are; None for the usual folder.
    out : path
        The folder; made when it is not there.
    deletions : int or None
        Of each case, over all splits, at most 60; None for that.
    seed : int
        The first split's; the others follow.
    progress : callable, optional
        Called as progress(done, total, stage), in splits.
    """
    folder, steps = prepare(out), Steps(len(CASES) * SPLITS, progress)
    each = max(1, min(EACH, -(-(deletions or SPLITS * EACH) // SPLITS)))
    rows, shown = [], []
    for case in CASES:
        parts = []
        for split in range(SPLITS):
            game = played(case, data_dir, each, seed + split, steps.begin)
            steps.begin(f"{case.title}: attacks")
            parts.append(_attacked(game))
            if split == 0:
                shown += _pictures(case, game, parts[0])
            steps.add(1)
        rows.append(_row(case, parts, seed))
    result = header(
        "heads", "Heads on frozen nets", "labels, features and images from two heads", seed, each * SPLITS,
        features=FEATURES,
    ) | {"split": SPLIT, "notes": [], "heads": rows}  # fmt: skip
    save(result, folder, lambda stem: _draw(result, shown, stem))
    return result


@dataclass(frozen=True, eq=False)
class _Part:
    """What came of one split: guesses (b, d0) and scores (b,) by attack, and numbers of the whole."""

    guesses: dict[str, Floats]
    scores: dict[str, dict[str, Floats]]
    numbers: dict[str, Any]


class _Drawn:
    """The same net as an embedding that no decoder is trained for: maths (11) as it is for random features."""

    def __init__(self, net: Embedding) -> None:
        self._net, self.name = net, "drawn"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._net, name)


def _attacked(game: HeadGame) -> _Part:
    release, phi = game.release, game.release.embedding
    assert phi is not None
    assert release.inputs_public is not None
    rng, public, F = np.random.default_rng(0), release.inputs_public, release.X_public[:, :-1]
    start = time.perf_counter()
    run_attack(HREC_PLUS, release.take(slice(0, 1)), rng)  # the first, with the decoder's training
    seconds = time.perf_counter() - start
    best = run_attack(HREC_PLUS, release, rng)
    bare = dataclasses.replace(release, embedding=None, inputs_public=None)
    assert best.inputs is not None
    assert best.features is not None
    guesses = {"hrec+": np.asarray(best.inputs)}
    features = {"hrec+": np.asarray(best.features), "hrec": np.asarray(run_attack(HREC, bare, rng).X[:, :-1])}
    if phi.inputs <= _DRAWN:
        drawn = dataclasses.replace(release, embedding=_Drawn(phi))
        guesses["normal"] = np.asarray(run_attack(HREC_PLUS, drawn, rng).inputs)
    guesses["nearest"] = public[_nearest(F, features["hrec+"])]
    for attack in (MAXDIFF, AVG):
        guesses[attack.name] = np.asarray(ATTACKS[attack.name].run(release, rng).inputs)
    known = np.full(len(game.images), _KNOWN)
    guesses["informed"] = behind_features(release, game.features, known).inputs
    guesses["oracle"] = public[_nearest(public, game.images)]
    mean, middle = public.mean(axis=0), F.mean(axis=0)
    scores = {name: {"image": _score(game.images, guess, mean)} for name, guess in guesses.items()}
    for name, found in features.items():
        scores.setdefault(name, {})["features"] = _score(game.features, found, middle)
    for name in ("nearest", "maxdiff", "avg"):
        scores[name]["features"] = _score(game.features, phi.transform(guesses[name]), middle)
    assert best.target is not None
    scores["hrec+"]["label"] = (best.target.argmax(axis=1) == game.labels).astype(float)
    return _Part(guesses, scores, game.account | {
        "seconds_first": seconds, "promised": exposure(release, best, None).value, "chi2": _chi2(release, best, game),
        "source": game.data.source, "m": len(public), "d": release.X_public.shape[1],
    })  # fmt: skip


def _nearest(public: Floats, wanted: Floats) -> Any:
    square = (public**2).sum(axis=1)[:, None]
    return (square - 2 * public @ wanted.T).argmin(axis=0)


def _score(true: Floats, found: Floats, mean: Floats) -> Floats:
    """Return centred cosines (b,); of the mean itself 0."""
    return np.nan_to_num(centred_cosine(true, found, mean))


def _chi2(release: Release, best: Any, game: HeadGame) -> Floats:
    """Return the squared error of the features beside what the error bars say (b,)."""
    own = release.X_public[:, :-1].std(axis=0) > 0
    return np.asarray((((best.features - game.features)[:, own] / best.features_error[:, own]) ** 2).mean(axis=1))


def _row(case: HeadCase, parts: Sequence[_Part], seed: int) -> dict[str, Any]:
    """Return a case's row of the JSON."""
    attacks: dict[str, Any] = {}
    for name in dict.fromkeys(name for part in parts for name in part.scores):
        own = {key: np.concatenate([part.scores[name][key] for part in parts]) for key in parts[0].scores[name]}
        attacks[name] = {f"median_{key}": _plain(np.median(values)) for key, values in own.items() if key != "label"}
        attacks[name] |= {
            f"q10_{key}": _plain(np.quantile(values, 0.1)) for key, values in own.items() if key != "label"
        }
    labels = np.concatenate([part.scores["hrec+"]["label"] for part in parts])
    low, high = wilson(float(labels.sum()), len(labels))
    promised = np.concatenate([part.numbers["promised"] for part in parts])
    reached = {
        "features": attacks["hrec+"]["median_features"], "image": attacks["hrec+"]["median_image"],
        "label": float(labels.mean()),
    }  # fmt: skip
    return {
        "case": case.key, "title": case.title, "source": parts[0].numbers["source"], "n": case.n,
        "m": parts[0].numbers["m"], "features": case.width, "seeds": [seed + k for k in range(len(parts))],
        "deletions": len(labels), "penalties": [_plain(part.numbers["penalty"]) for part in parts],
        "accuracy": [_plain(part.numbers["accuracy"]) for part in parts],
        "gradient_norm_largest": max(part.numbers["gradient_norm_largest"] for part in parts),
        "label": _plain(labels.mean()), "label_low": _plain(low), "label_high": _plain(high),
        "promised": _plain(np.median(promised)),
        "chi2": _plain(np.median(np.concatenate([part.numbers["chi2"] for part in parts]))),
        "by_split": [_plain(np.median(part.scores["hrec+"]["image"])) for part in parts],
        "seconds_first": round(float(np.median([part.numbers["seconds_first"] for part in parts])), 1),
        "attacks": attacks,
        "targets": [
            {"measure": name, "at_least": least, "value": reached[name], "met": reached[name] >= least}
            for name, least in case.targets
        ],
    }  # fmt: skip


def _plain(value: Any) -> float:
    return round(float(value), _DECIMALS)


def _pictures(case: HeadCase, game: HeadGame, part: _Part) -> list[pictures.PictureRow]:
    """Return the rows of a case's pictures: deletions of the first split, in the order of their labels."""
    chosen = np.argsort(game.labels, kind="stable")[np.linspace(0, len(game.labels) - 1, _SHOWN).astype(int)]
    info = game.data.info
    rows = [pictures.PictureRow("deleted", list(info.pixels(game.images[chosen])), None, case.title,
                                [game.data.classes[label] for label in game.labels[chosen]])]  # fmt: skip
    for name, label in (("hrec+", "undelete"), ("informed", "bound"), ("nearest", "nearest")):
        scores = part.scores[name]["image"][chosen]
        rows.append(pictures.PictureRow(label, list(info.pixels(part.guesses[name][chosen])), scores))
    return rows


def _draw(result: dict[str, Any], rows: Sequence[pictures.PictureRow], stem: Path) -> tuple[Path, Path]:
    notes = [
        "Under each picture its centred cosine with the deleted one. Deletions of the first split.",
        result["command"],
    ]
    return pictures.draw(f"{result['title']} ({result['shows']})", [], rows, stem, notes)


EXPERIMENTS = {"heads": heads}
"""By name, as `Experiment.run` calls it."""
