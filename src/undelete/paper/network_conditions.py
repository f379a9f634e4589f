"""Under which trainings does a difference of networks say anything? A row a condition, pairs judged without a truth.

The old and the new network are trained in the same way, the new one without a person; the null pair is the same
with nobody deleted. A verdict is false where fewer columns are right than half of those that it promises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from undelete.adapters.torch import DIGITS, rounded
from undelete.attacker.attacks import ATTACKS
from undelete.attacker.networks.attack import attack
from undelete.auditing.examine import judged
from undelete.auditing.network_checks import checks
from undelete.auditing.setting import Setting, Target
from undelete.lab import network_pairs
from undelete.lab.files import header, prepare, save
from undelete.lab.kept import Shelf, code_of, digest
from undelete.lab.network_pairs import Way, another_start, further, masked, optimum, perceptron, redrawn, stopped
from undelete.lab.networks import Case, Trained, prepared
from undelete.lab.steps import Folder, Progress, Steps, splits
from undelete.maintainer.network_training import Batches
from undelete.maths.arrays import Floats
from undelete.paper.drawings.network_conditions import draw
from undelete.paper.needs import sizes
from undelete.paper.networks import SPLIT
from undelete.release.networks import NetworkRelease
from undelete.release.reconstruction import Reconstruction
from undelete.scoring.scores import centred_cosine
from undelete.scoring.table import columns_right

N, M, UNITS, DECAY = 2_000, 4_000, 6, 1e-3
SPLITS = 4  # over which a condition's deletions are spread
PAIRS = 40  # deletions of a condition, unless said otherwise
ADAM, SGD = Batches("adam", 20, 1e-2), Batches("sgd", 20, 0.1)
_EXACT, _STEPS = 1e-9, 300  # of L-BFGS where the loss has kinks: it does not come to such a gradient there
_NAMED = ("EXPOSED", "PARTLY EXPOSED")
FEATURES = "columns standardised with the public records' means and deviations: a fixed preprocessing"


@dataclass(frozen=True)
class Condition:
    """One way to train a network with and without a person.

    Parameters
    ----------
    key, title : str
        In the JSON, and in words.
    way : Way
        Trains both.
    works : bool
        Whether the attack is meant to work; the others count for the false verdicts.
    act : str
        The activation, a class of torch.nn.
    digits : str
        In which precision the parameters are stored.
    larger : float
        How many times as many private records there are.
    wider : int
        How many times as many units.
    """

    key: str
    title: str
    way: Way
    works: bool = False
    act: str = "Softplus"
    digits: str = "float64"
    larger: float = 1.0
    wider: int = 1

    @property
    def case(self) -> Case:
        """What is trained."""
        return Case(self.key, "", round(N * self.larger), M, (UNITS * self.wider,), DECAY, act=self.act)


CONDITIONS = (
    Condition("optimum", "both at the optimum", optimum(), works=True),
    Condition("single", "the same, stored as float32", optimum(), works=True, digits="float32"),
    Condition("tanh", "the same, tanh", optimum(), works=True, act="Tanh"),
    Condition("larger", "the same, of three times as many records", optimum(), works=True, larger=3.0),
    Condition("fewer", "the same, of a quarter of the records", optimum(), works=True, larger=0.25),
    Condition("wider", "the same, four times as many units", optimum(), works=True, wider=4),
    Condition("stopped7", "L-BFGS from the same start, to a gradient of 1e-7", stopped(1e-7), works=True),
    Condition("stopped6", "L-BFGS from the same start, to 1e-6", stopped(1e-6), works=True),
    Condition("warm6", "L-BFGS from the old model, to 1e-6", stopped(1e-6, warm=True), works=True),
    Condition("bfloat16", "at the optimum, stored as bfloat16", optimum(), digits="bfloat16"),
    Condition("stopped5", "L-BFGS from the same start, to 1e-5", stopped(1e-5)),
    Condition("stopped4", "L-BFGS from the same start, to 1e-4", stopped(1e-4)),
    Condition("warm5", "L-BFGS from the old model, to 1e-5", stopped(1e-5, warm=True)),
    Condition("start", "at the optimum from another start", another_start()),
    Condition("adam_masked", "Adam, 20 epochs, the same batches without the person", masked(ADAM)),
    Condition("adam_redrawn", "Adam, 20 epochs, batches drawn anew", redrawn(ADAM)),
    Condition("adam_further", "Adam, 5 more epochs without the person", further(ADAM)),
    Condition("sgd_masked", "SGD, 20 epochs, the same batches without the person", masked(SGD)),
    Condition("sgd_redrawn", "SGD, 20 epochs, batches drawn anew", redrawn(SGD)),
    Condition("relu", "ReLU, 300 steps of L-BFGS from the same start", stopped(_EXACT, steps=_STEPS), act="ReLU"),
    Condition("relu_warm", "ReLU, 300 steps from the old model", stopped(_EXACT, warm=True, steps=_STEPS), act="ReLU"),
    Condition("relu_adam", "ReLU, Adam, the same batches", masked(ADAM), act="ReLU"),
    Condition("sklearn", "scikit-learn's MLPClassifier by default", perceptron("adam", "relu"), act="ReLU"),
    Condition("sklearn_lbfgs", "the same, solver lbfgs", perceptron("lbfgs", "relu"), act="ReLU"),
    Condition("sklearn_tanh", "the same, solver lbfgs, tanh", perceptron("lbfgs", "tanh"), act="Tanh"),
)


def conditions(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Judge pairs of networks trained in the ways that people do, and write ``conditions.json`` with a picture.

    What is done of a condition and a split is kept in the folder `cache` and not done again.

    Parameters
    ----------
    data_dir, out, seed, progress
        As of `undelete.paper.networks.mlp`; progress in conditions times splits.
    deletions : int or None
        Of each condition, over all splits; None for 16.
    """
    played, trial = splits(SPLITS, PAIRS // SPLITS, deletions)
    folder, steps = prepare(out), Steps(len(CONDITIONS) * played, progress)
    each = -(-min(deletions or PAIRS, PAIRS) // played)
    shelf = Shelf(folder / "cache" / f"conditions-seed-{seed}")
    key = digest(code_of(__name__), code_of(network_pairs.__name__), sizes(("acs",), data_dir), each, N, M, UNITS)
    rows = []
    for one in CONDITIONS:
        pairs: list[dict[str, Any]] = []
        nulls: list[float] = []
        for split in range(played):
            steps.begin(one.title)
            name = f"{one.key}-{split}"
            kept = shelf.load(name, key)
            if kept is None:
                kept = shelf.store(name, key, {}, _judged(one, prepared(one.case, data_dir, seed + split), each, seed))
            pairs += kept.account["pairs"]
            nulls.append(kept.account["null_change"])
            parameters = kept.account["parameters"]
            steps.add(1)
        rows.append(_row(one, pairs, nulls, parameters))
    bad = [row for row in rows if not row["works"]]
    shows = "verdicts without a truth on networks trained in the ways that people do"
    head = header("conditions", "What training leaves of a deletion", shows, seed, each * played, features=FEATURES)
    result = head | {
        "split": SPLIT, "notes": trial, "n": N, "m": M, "units": UNITS, "splits": played, "conditions": rows,
        "pairs": sum(row["deletions"] for row in bad), "exposed": sum(row["exposed"] for row in bad),
        "partly": sum(row["partly"] for row in bad), "false_exposed": sum(row["false_exposed"] for row in bad),
    }  # fmt: skip
    save(result, folder, lambda stem: draw(rows, stem))
    return result


def _judged(one: Condition, trained: Trained, each: int, seed: int) -> dict[str, Any]:
    """Return what is said of each pair of one split, and how much of it is right."""
    if one.way.l2 is not None:
        trained = trained.penalised(one.way.l2(trained.fit))
    fit, way = trained.fit, one.way
    rows = np.sort(np.random.default_rng([seed, 4]).choice(fit.n, each, replace=False))
    old, truth, pairs = way.old(fit, trained.start), trained.truth(rows), []
    for place, row in enumerate(rows):
        new = way.new(fit, int(row), old, trained.start)
        release = trained.released(rounded(old, one.digits), [rounded(new, one.digits)])
        word, reason, found = blind(release, one.digits, one.act)
        right = columns_right(release, truth.take(np.array([place])), found)
        near = centred_cosine(truth.X[[place]], found.X, release.X_public.mean(axis=0))[0]
        pairs.append({
            "word": word, "reason": reason, "centred": float(np.nan_to_num(near)), "change": _apart(old, new),
            "right": 0.0 if right is None else float(np.mean(right)),
            "said": 0.0 if found.probability is None else float(np.nan_to_num(found.probability).mean()),
        })  # fmt: skip
    nobody = way.new(fit, None, old, trained.start)
    return {"pairs": pairs, "null_change": _apart(old, nobody), "parameters": fit.network.parameters}


def _apart(old: Floats, new: Floats) -> float:
    return float(np.linalg.norm(new - old) / np.linalg.norm(old))


def _row(one: Condition, pairs: list[dict[str, Any]], nulls: list[float], parameters: int) -> dict[str, Any]:
    words, reasons = ([pair[key] for pair in pairs if pair[key]] for key in ("word", "reason"))
    false = [pair["word"] in _NAMED and pair["right"] < 0.5 * pair["said"] for pair in pairs]
    return {
        "condition": one.key, "title": one.title, "works": one.works, "deletions": len(pairs), "n": one.case.n,
        "median_centred_cosine": round(float(np.median([pair["centred"] for pair in pairs])), 6),
        "exact_columns": round(float(np.mean([pair["right"] for pair in pairs])), 6),
        "said": round(float(np.mean([pair["said"] for pair in pairs])), 6),
        "change": float(np.median([pair["change"] for pair in pairs])), "null_change": float(np.median(nulls)),
        "words": {word: words.count(word) for word in sorted(set(words))}, "parameters": parameters,
        "reasons": {reason: reasons.count(reason) for reason in sorted(set(reasons))},
        "exposed": words.count(_NAMED[0]), "partly": words.count(_NAMED[1]), "false_exposed": sum(false),
    }  # fmt: skip


def blind(release: NetworkRelease, digits: str, act: str) -> tuple[str, str, Reconstruction]:
    """Return the verdict on one pair without a truth, the check that stopped it ("" for none), and what came back."""
    attacked = attack(release, ["hrec+"], further=False)
    kinks = (act,) if act == "ReLU" else ()
    found = checks(release, attacked.account, rounding=DIGITS[digits], digits=digits, kinks=kinks)
    seeds = np.random.SeedSequence(0).spawn(2)
    setting = Setting(
        "audit", "", {}, Target("PINCP_gt50k", "income over 50,000 dollars", kind="class", classes=(0, 1))
    )
    audit = judged(release, [ATTACKS["hrec+"]], attacked.found, None, setting, found, (seeds[0], seeds[1]))
    failed = next((check.name for check in found if check.ok is False), "")
    return audit.verdict.word, failed, attacked.found["hrec+"]


EXPERIMENTS = {"conditions": conditions}
"""By name, as `Experiment.run` calls it."""
