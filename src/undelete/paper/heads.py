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
from undelete.data.schema import ImageInfo
from undelete.lab.files import header, prepare, save
from undelete.lab.heads import HeadCase, HeadGame, played
from undelete.lab.kept import Kept, Shelf, code_of, digest
from undelete.lab.steps import Folder, Progress, Steps, splits
from undelete.maths.arrays import Floats
from undelete.maths.embeddings import Embedding
from undelete.paper.needs import sizes
from undelete.release.release import Release
from undelete.report import picture_rows as pictures
from undelete.scoring.intervals import wilson
from undelete.scoring.scores import centred_cosine

CASES = (
    HeadCase("fashion64", "Fashion-MNIST, 64 features", "fashion_mnist", 10_000, 64, 2),
    HeadCase("fashion256", "Fashion-MNIST, 256 features", "fashion_mnist", 10_000, 256, 2,
             (("features", 0.99), ("image", 0.91), ("label", 1.0))),
    HeadCase("cifar128", "CIFAR-10, 128 features of a weak net", "cifar10", 8_000, 128, 3),
    HeadCase("convolutions256", "Fashion-MNIST, 256 features of random convolutions", "fashion_mnist", 8_000, 256, 0,
             (("image", 0.96),)),
    HeadCase("fashion256_decay", "Fashion-MNIST, 256 features, weight decay .01", "fashion_mnist", 10_000, 256, 2,
             (("features", 0.99), ("image", 0.91), ("label", 1.0)), decay=0.01),
    HeadCase("convolutions256_decay", "Fashion-MNIST, 256 features of random convolutions, weight decay .01",
             "fashion_mnist", 8_000, 256, 0, (("image", 0.96),), decay=0.01),
)  # fmt: skip
FEATURES = (
    "one hidden layer of ReLU that other images of the set trained with Adam, or convolutions with tanh as they were "
    "drawn; pixels scaled to [-1, 1]"
)
SPLIT = "private, public and the net's own images dealt apart at random by the seed"
SPLITS, EACH = 3, 20  # splits, and deletions on each
_KNOWN = 1e-9  # variance of features that are known, beside their own
_DRAWN = 1000  # numbers of a record up to which (11) with a normal prior is played too
_DRAWN_OF, _SHOWN = ("fashion256", "cifar128", "convolutions256"), 6  # cases, and deletions
_SHOWN_OF = ("true", "hrec+", "informed", "nearest")
_DECIMALS = 6


def heads(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Attack heads on frozen nets, and write ``heads.json`` with pictures.

    What is done of a case and a split is kept in the folder `cache` and not done again.

    Parameters
    ----------
    data_dir, out, seed, progress
        As of `undelete.paper.networks.mlp`; the images are looked for in the usual folder, too.
    deletions : int or None
        Of each case, over all splits, at most 60; None for that.
    """
    some, trial = splits(SPLITS, EACH, deletions)
    folder, steps = prepare(out), Steps(len(CASES) * some, progress)
    each = max(1, min(EACH, -(-(deletions or SPLITS * EACH) // some)))
    shelf = Shelf(folder / "cache" / f"heads-seed-{seed}")
    rows, shown = [], []
    for case in CASES:
        parts = []
        key = digest(code_of(__name__), sizes((case.images,), data_dir), case, each)
        for split in range(some):
            kept = shelf.load(f"{case.key}-{split}", key)
            if kept is None:
                game = played(case, data_dir, each, seed + split, steps.begin)
                steps.begin(f"{case.title}: attacks")
                kept = shelf.store(f"{case.key}-{split}", key, *_attacked(game))
            parts.append(_Part.of(kept))
            steps.add(1)
        if case.key in _DRAWN_OF:
            shown += _pictures(case, parts[0])
        rows.append(_row(case, parts, seed))
    result = header(
        "heads", "Heads on frozen nets", "labels, features and images from two heads", seed, each * some,
        features=FEATURES,
    ) | {"split": SPLIT, "notes": trial, "heads": rows}  # fmt: skip
    save(result, folder, lambda stem: _draw(result, shown, stem))
    return result


@dataclass(frozen=True, eq=False)
class _Part:
    """What came of one split: guesses (b, d0) that are shown and scores (b,) by attack, and numbers of the whole."""

    guesses: dict[str, Floats]
    scores: dict[str, dict[str, Floats]]
    numbers: dict[str, Any]

    @classmethod
    def of(cls, kept: Kept) -> _Part:
        """Return it as it was kept."""
        scores: dict[str, dict[str, Floats]] = {}
        for attack, measure in (name.split("/") for name in kept.arrays if "/" in name):
            scores.setdefault(attack, {})[measure] = kept.arrays[f"{attack}/{measure}"]
        plain = {name: array for name, array in kept.arrays.items() if "/" not in name}
        return cls({name: plain.pop(name) for name in _SHOWN_OF}, scores, kept.account | plain)


class _Drawn:
    """The same net as an embedding that no decoder is trained for: maths (11) as it is for random features."""

    def __init__(self, net: Embedding) -> None:
        self._net, self.name = net, "drawn"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._net, name)


def _attacked(game: HeadGame) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return arrays and an account of one split, as they are kept."""
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
    guesses["informed"] = behind_features(release, game.features, known, game.labels).inputs
    guesses["oracle"] = public[_nearest(public, game.images)]
    mean, middle = public.mean(axis=0), F.mean(axis=0)
    scores = {name: {"image": _score(game.images, guess, mean)} for name, guess in guesses.items()}
    for name, found in features.items():
        scores.setdefault(name, {})["features"] = _score(game.features, found, middle)
    for name in ("nearest", "maxdiff", "avg"):
        scores[name]["features"] = _score(game.features, phi.transform(guesses[name]), middle)
    assert best.target is not None
    scores["hrec+"]["label"] = (best.target.argmax(axis=1) == game.labels).astype(float)
    arrays: dict[str, Any] = {
        f"{name}/{measure}": each for name, one in scores.items() for measure, each in one.items()
    }
    arrays |= {name: {"true": game.images, **guesses}[name] for name in _SHOWN_OF}
    arrays |= {"promised": exposure(release, best, None).value, "chi2": _chi2(release, best, game),
               "labels": game.labels}  # fmt: skip
    return arrays, game.account | {
        "seconds_first": seconds, "source": game.data.source, "m": len(public), "classes": list(game.data.classes),
        "info": dataclasses.asdict(game.data.info),
    }  # fmt: skip


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
        "deletions": len(labels), "decay": case.decay, "penalties": [_plain(part.numbers["penalty"]) for part in parts],
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


def _pictures(case: HeadCase, part: _Part) -> list[pictures.PictureRow]:
    """Return the rows of a case's pictures: deletions of the first split, in the order of their labels."""
    labels, info = part.numbers["labels"], ImageInfo(**part.numbers["info"])
    chosen = np.argsort(labels, kind="stable")[np.linspace(0, len(labels) - 1, _SHOWN).astype(int)]
    heads = [part.numbers["classes"][label] for label in labels[chosen]]
    rows = [pictures.PictureRow("deleted", list(info.pixels(part.guesses["true"][chosen])), None, case.title, heads)]
    for name, label in (("hrec+", "undelete"), ("informed", "bound"), ("nearest", "nearest")):
        scores = part.scores[name]["image"][chosen]
        rows.append(pictures.PictureRow(label, list(info.pixels(part.guesses[name][chosen])), scores))
    return rows


def _draw(result: dict[str, Any], rows: Sequence[pictures.PictureRow], stem: Path) -> tuple[Path, Path]:
    under = "Under each picture its centred cosine with the deleted one. Deletions of the first split."
    return pictures.draw(result["title"], [], rows, stem, [under, result["command"]])


EXPERIMENTS = {"heads": heads}
"""By name, as `Experiment.run` calls it."""
