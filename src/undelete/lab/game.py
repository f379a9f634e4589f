"""The deletions of one panel, played a part of them at a time."""

from __future__ import annotations

import resource
import shutil
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.attack import Attack
from undelete.attacker.attacks import run_attack
from undelete.attacker.gradient.scale import at_public_length
from undelete.lab.fitting import Fitted
from undelete.lab.kept import Shelf, attacking_code, digest, retraining_code
from undelete.lab.models import Model
from undelete.lab.population import Halves, Population
from undelete.lab.steps import Steps
from undelete.lab.summary import summary
from undelete.maintainer.game import play, released
from undelete.maintainer.sweep import fingerprint
from undelete.maths.arrays import Floats, blocks
from undelete.release.public import Public
from undelete.release.release import Release
from undelete.report.pictures import one_a_label
from undelete.scoring.intervals import wilson
from undelete.scoring.scores import cosine
from undelete.scoring.table import score
from undelete.scoring.truth import Truth

_BLOCK_NUMBERS = 16_000_000  # numbers in one block's predictions: 128 MB
_MODEL_NUMBERS = 160_000_000  # numbers in the models after the deletions that are held at a time: 1.3 GB
_NOTHING = 1e-9  # length, in standard deviations, under which a guess has no direction
FORM = 1  # of what is kept of a panel
_SHOWN = 10  # deletions whose pictures are kept


@dataclass(eq=False)
class Game:
    """The deletions of one panel, a part of them at a time, and what has come of them so far."""

    dealt: Halves
    fitted: Fitted
    population: Population
    model: Model
    seed: int
    count: int
    attacks: list[Attack]
    changed: list[NDArray[np.bool_]] = field(default_factory=list)
    gradients: list[Floats] = field(default_factory=list)
    certified: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    scores: dict[str, list[dict[str, Floats]]] = field(default_factory=dict)
    shown: dict[str, list[Floats]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _, _, draws, attacks, _ = self.population.streams(self.seed)
        n, k = self.dealt.Y.shape
        self.rows = np.sort(np.random.default_rng(draws).choice(n, size=self.count, replace=False))
        self.rngs = [np.random.default_rng(stream) for stream in attacks.spawn(len(self.attacks))]
        self.shown_at = np.empty(0, dtype=np.int64)
        if k > 1:
            labels = self.dealt.Y[self.rows].argmax(axis=1)
            self.shown_at = one_a_label(labels, _SHOWN, np.random.default_rng(draws.spawn(1)[0]))

    def public(self) -> Public:
        """Return the fields of the release that the attacker has without the maintainer."""
        dealt = self.dealt
        constant = np.zeros(dealt.X.shape[1])
        constant[-1] = 1.0
        for array in (dealt.X_public, dealt.inputs_public):
            if array is not None:
                array.setflags(write=False)  # so that the release need not copy it
        return {
            "X_public": dealt.X_public, "Y_public": dealt.Y_public, "constant": constant,
            "target_kind": self.model.kind, "embedding": dealt.embedding, "inputs_public": dealt.inputs_public,
        }  # fmt: skip

    def run(self, steps: Steps, shelf: Shelf, mark: str) -> None:
        """Delete, retrain and attack."""
        dealt, fitted, what = self.dealt, self.fitted, f"{self.population.name}, {self.model.label}"
        public = self.public()
        for part in blocks(self.count, _MODEL_NUMBERS // fitted.W.size):
            rows = self.rows[part]
            steps.begin(f"{what}: deletions")
            release = self.released(rows, part.start, public, steps, shelf, mark)
            shown = np.flatnonzero(np.isin(np.arange(part.start, part.stop), self.shown_at))
            self._show("deleted", _records(dealt, rows)[shown])
            for attack, rng in zip(self.attacks, self.rngs, strict=True):
                steps.begin(f"{what}: {attack.name}")
                name = f"attack-{self.model.key}-{attack.name}-{self.count}-{part.start}"
                key = digest(FORM, mark, self.count, attacking_code())
                found = shelf.load(name, key)
                if found is None:
                    start = time.perf_counter()
                    scores, guesses = self._attack(attack, release, rows, rng, steps)
                    account = {"seconds": time.perf_counter() - start}
                    found = shelf.store(name, key, scores | {"guess": guesses[shown]}, account)
                else:
                    steps.add(len(rows))
                self.seconds[attack.name] = self.seconds.get(attack.name, 0.0) + found.account["seconds"]
                arrays = dict(found.arrays)
                self._show(attack.name, arrays.pop("guess"))
                self._show(f"cosine_{attack.name}", arrays["cosine"][shown])
                self.scores.setdefault(attack.name, []).append(arrays)

    def released(
        self, rows: NDArray[np.int64], first: int, public: Public, steps: Steps, shelf: Shelf, mark: str
    ) -> Release:
        """Return the models after the deletions as a release; what was retrained before is taken from the shelf."""
        fitted, name = self.fitted, f"models-{self.model.key}-{self.count}-{first}"
        key = digest(mark, rows.tolist(), fingerprint([fitted.W]))
        kept = shelf.load(name, key)
        if kept is None:
            start, sweep = time.perf_counter(), shelf.sweep(digest(key, retraining_code()))
            release, played = play(
                fitted.objective, fitted.W, rows, public, tol=fitted.tolerance, progress=steps.onward(),
                checkpoint=sweep,
            )  # fmt: skip
            arrays = {"W": release.W_after, "norm": played.gradient_norm, "certified": played.certified}
            kept = shelf.store(name, key, arrays, {"seconds": time.perf_counter() - start})
            if sweep is not None:
                shutil.rmtree(sweep)  # its blocks are all in the entry now
        else:
            steps.add(len(rows))
            release = released(fitted.objective, fitted.W, kept.arrays["W"], public)
        self.seconds["retraining"] = self.seconds.get("retraining", 0.0) + kept.account["seconds"]
        self.changed.append((release.W_after != release.W_before).any(axis=(1, 2)))
        self.gradients.append(kept.arrays["norm"])
        self.certified += int(kept.arrays["certified"].sum())
        return release

    def _show(self, name: str, values: Floats) -> None:
        self.shown.setdefault(name, []).append(values)

    def _attack(
        self, attack: Attack, release: Release, rows: NDArray[np.int64], rng: np.random.Generator, steps: Steps
    ) -> tuple[dict[str, Floats], Floats]:
        """Return an attack's scores (b,), a block of deletions at a time, and its guesses (b, d0)."""
        dealt, parts, guesses = self.dealt, [], []
        for part in blocks(len(rows), max(1, _BLOCK_NUMBERS // len(release.X_public))):
            own = rows[part]
            truth = Truth(
                X=dealt.X[own], Y=dealt.Y[own], inputs=None if dealt.inputs is None else dealt.inputs[own]
            )  # fmt: skip
            view = release.take(part)
            found = run_attack(attack, view, rng, steps.add)
            if dealt.centre is None:  # a picture has to have a length
                found = at_public_length(view, found)
            scores = score(view, truth, found, placed=dealt.centre is None)
            guess = found.records if dealt.embedding is not None else found.records[:, :-1]
            # what is left of the mean of standardised columns is rounding: it has a direction, but no meaning
            blank = np.linalg.norm(guess, axis=1) <= _NOTHING
            direction = np.array([status == "direction" for status in found.status])
            row = {
                # of all pixels, those too that are the same for all public images
                "cosine": np.where(blank, 0.0, cosine(_records(dealt, own), guess)),
                "centred": np.where(blank, 0.0, scores["centred_cosine"]),
                "direction": direction.astype(float),
            }
            if dealt.centre is not None:
                flattered = cosine(_records(dealt, own) + dealt.centre, guess + dealt.centre)
                row["uncentred"] = np.where(direction, np.nan, flattered)
            if dealt.embedding is not None:
                row["embedding"] = cosine(truth.X[:, :-1], found.X[:, :-1])
            if self.model.kind == "class":
                row["label"] = np.nan_to_num(scores["label"])  # an attack that names none is not right
            parts.append(row)
            guesses.append(guess)
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, np.concatenate(guesses)

    def pictures(self) -> dict[str, Floats]:
        """Return the deletions to show, in the order of their labels."""
        if not self.shown_at.size:
            return {}
        order = np.argsort(np.argsort(self.shown_at))
        found = {name: np.concatenate(parts)[order] for name, parts in self.shown.items()}
        return found | {
            "rows": self.rows[self.shown_at],
            "labels": self.dealt.Y[self.rows[self.shown_at]].argmax(axis=1),
        }

    def account(self) -> dict[str, Any]:
        """Return the panel as the JSON holds it."""
        population, dealt, kind = self.population, self.dealt, self.model.kind
        changed = np.concatenate(self.changed)
        low, high = wilson(float(changed.sum()), self.count)
        scores = {
            name: summary({key: np.concatenate([part[key] for part in parts])[changed] for key in parts[0]})
            | {"seconds_each": round(self.seconds[name] / self.count, 5)}
            for name, parts in self.scores.items()
        }
        return {
            "sample": population.name, "source": population.source, "model": self.model.label, "key": self.model.key,
            "target": population.target(kind), "unit": population.unit(kind),
            "n": len(dealt.X), "m": len(dealt.X_public), "d": dealt.X.shape[1], "seed": self.seed, **dealt.account,
            **self.fitted.account, "deletions": self.count, "changed": int(changed.sum()),
            "share_changed": float(changed.mean()), "share_changed_low": low, "share_changed_high": high,
            "gradient_norm_largest": float(np.concatenate(self.gradients).max()),
            "gradient_tolerance": self.fitted.tolerance, "certified": self.certified,
            "seconds_retraining_each": round(self.seconds["retraining"] / self.count, 5),
            "peak_memory_gb": _peak_memory(), "attacks": scores,
        }  # fmt: skip


def _records(dealt: Halves, rows: NDArray[np.int64]) -> Floats:
    """Return private records as they are compared: before the embedding, without the constant."""
    return dealt.X[rows, :-1] if dealt.inputs is None else dealt.inputs[rows]


def _peak_memory() -> float:
    """Return the most memory that this process has held so far, in GB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9, 2)
