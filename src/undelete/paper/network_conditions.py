"""Under which trainings does a difference of networks say anything? A row a condition, pairs judged without a truth.

The old and the new network are trained in the same way, the new one without a person; the null pair is the same
with nobody deleted. EXPOSED is called false where less than half of the columns are right.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from undelete.adapters.torch import DIGITS, rounded
from undelete.attacker.attacks import ATTACKS
from undelete.attacker.networks.attack import attack
from undelete.auditing.examine import judged
from undelete.auditing.network_checks import checks
from undelete.auditing.setting import Setting, Target
from undelete.lab.files import header, prepare, save
from undelete.lab.networks import Case, Trained, prepared
from undelete.lab.steps import Folder, Progress, Steps
from undelete.maintainer.network_training import Batches, on_batches, stopped_at
from undelete.maintainer.networks import Fit, retrain_without, train
from undelete.maths.arrays import Floats
from undelete.paper.networks import SPLIT
from undelete.release.networks import NetworkRelease
from undelete.scoring.scores import centred_cosine
from undelete.scoring.table import columns_right

N, M, UNITS, DECAY = 5_000, 8_000, (8,), 1e-3
FEW = 4  # deletions of a condition in which the attack is meant to work, of those asked for one in so many
ADAM, SGD = Batches("adam", 20, 1e-2), Batches("sgd", 20, 0.1)
_EXACT = 1e-9  # |gradient|_inf per record where L-BFGS goes to the end, as with kinks
FEATURES = "columns standardised with the public records' means and deviations: a fixed preprocessing"

Pairs = Callable[[Fit, Fit, Floats], tuple[Floats, Floats]]
"""From the objective on all records, that on the records which remain, and the start, to both models."""


@dataclass(frozen=True)
class Condition:
    """One way to train a network with and without a person.

    Parameters
    ----------
    key, title : str
        In the JSON, and in words.
    pair : callable
        Trains both.
    works : bool
        Whether the attack is meant to work; the others count for the false verdicts.
    act : str
        The activation, a class of torch.nn.
    digits : str
        In which precision the parameters are stored.
    """

    key: str
    title: str
    pair: Pairs
    works: bool = False
    act: str = "Softplus"
    digits: str = "float64"


def _optimum(whole: Fit, rest: Fit, start: Floats) -> tuple[Floats, Floats]:
    old = _kept(("optimum", id(whole)), lambda: train(whole, start).theta)
    row = _missing(whole, rest)
    return old, old if row is None else retrain_without(whole, old, np.array([row]))[0].theta


def _stopped(tol: float, *, warm: bool = False) -> Pairs:
    def pair(whole: Fit, rest: Fit, start: Floats) -> tuple[Floats, Floats]:
        old = _kept(("stopped", tol, id(whole)), lambda: stopped_at(whole, start, tol))
        return old, stopped_at(rest, old if warm else start, tol)

    return pair


def _another_start(whole: Fit, rest: Fit, start: Floats) -> tuple[Floats, Floats]:
    old = _kept(("optimum", id(whole)), lambda: train(whole, start).theta)
    return old, train(rest, np.random.default_rng(1).permutation(start)).theta


def _batches(how: Batches, order: int, *, masked: bool = False, further: bool = False) -> Pairs:
    def pair(whole: Fit, rest: Fit, start: Floats) -> tuple[Floats, Floats]:
        old = _kept((how, id(whole)), lambda: on_batches(whole, start, how, 0))
        if masked:
            return old, on_batches(whole, start, how, order, _missing(whole, rest))
        more = dataclasses.replace(how, rate=how.rate / 10, epochs=how.epochs // 4) if further else how
        return old, on_batches(rest, old if further else start, more, order)

    return pair


def _missing(whole: Fit, rest: Fit) -> int | None:
    """Return which record the rest lacks."""
    if rest.n == whole.n:
        return None
    same = (whole.X[: rest.n] == rest.X).all(axis=1) & (whole.Y[: rest.n] == rest.Y).all(axis=1)
    return rest.n if same.all() else int(np.argmin(same))


_memory: dict[object, Floats] = {}


def _kept(key: object, make: Callable[[], Floats]) -> Floats:
    """Return an old model that all deletions of a condition share."""
    if key not in _memory:
        _memory[key] = make()
    return _memory[key]


CONDITIONS = (
    Condition("optimum", "both at the optimum", _optimum, works=True),
    Condition("single", "the same, stored as float32", _optimum, works=True, digits="float32"),
    Condition("stopped6", "L-BFGS from the same start, to a gradient of 1e-6", _stopped(1e-6), works=True),
    Condition("warm6", "L-BFGS from the old model, to 1e-6", _stopped(1e-6, warm=True), works=True),
    Condition("bfloat16", "at the optimum, stored as bfloat16", _optimum, digits="bfloat16"),
    Condition("stopped5", "L-BFGS from the same start, to 1e-5", _stopped(1e-5)),
    Condition("stopped4", "L-BFGS from the same start, to 1e-4", _stopped(1e-4)),
    Condition("warm5", "L-BFGS from the old model, to 1e-5", _stopped(1e-5, warm=True)),
    Condition("start", "at the optimum from another start", _another_start),
    Condition("adam_masked", "Adam, 20 epochs, the same batches without the person", _batches(ADAM, 0, masked=True)),
    Condition("adam_redrawn", "Adam, 20 epochs, batches drawn anew", _batches(ADAM, 1)),
    Condition("adam_further", "Adam, 5 more epochs without the person", _batches(ADAM, 1, further=True)),
    Condition("sgd_masked", "SGD, 20 epochs, the same batches without the person", _batches(SGD, 0, masked=True)),
    Condition("sgd_redrawn", "SGD, 20 epochs, batches drawn anew", _batches(SGD, 1)),
    Condition("relu", "ReLU, L-BFGS from the same start, to its end", _stopped(_EXACT), act="ReLU"),
    Condition("relu_warm", "ReLU, L-BFGS from the old model, to its end", _stopped(_EXACT, warm=True), act="ReLU"),
    Condition("relu_adam", "ReLU, Adam, the same batches", _batches(ADAM, 0, masked=True), act="ReLU"),
)


def conditions(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Judge pairs of networks trained in the ways that people do, and write ``conditions.json``.

    Parameters
    ----------
    data_dir, out, seed, progress
        As of `undelete.paper.networks.mlp`; progress in conditions.
    deletions : int or None
        Of each condition in which the attack is not meant to work; a quarter of it of the others. None for 16.
    """
    folder, steps = prepare(out), Steps(len(CONDITIONS), progress)
    count = min(deletions or 16, N)
    rows, trained = [], dict[str, Trained]()
    for one in CONDITIONS:
        steps.begin(one.title)
        if one.act not in trained:
            _memory.clear()
            case = Case(f"acs8_{one.act}", "", N, M, UNITS, DECAY, act=one.act)
            trained[one.act] = prepared(case, data_dir, seed)
        rows.append(_row(one, trained[one.act], max(1, count // FEW) if one.works else count, seed))
        steps.add(1)
    _memory.clear()
    bad = [row for row in rows if not row["works"]]
    shows = "verdicts without a truth on networks trained in the ways that people do"
    result = header("conditions", "What training leaves of a deletion", shows, seed, count, features=FEATURES) | {
        "split": SPLIT, "notes": [], "n": N, "m": M, "conditions": rows, "pairs": sum(row["deletions"] for row in bad),
        "exposed": sum(row["exposed"] for row in bad), "false_exposed": sum(row["false_exposed"] for row in rows),
    }  # fmt: skip
    save(result, folder)
    return result


def _row(one: Condition, trained: Trained, count: int, seed: int) -> dict[str, Any]:
    fit, network = trained.fit, trained.fit.network
    rows = np.sort(np.random.default_rng([seed, 4]).choice(fit.n, count, replace=False))
    truth, cosines, right, words, reasons, moved = trained.truth(rows), [], [], [], [], []
    for place, row in enumerate(rows):
        old, new = one.pair(fit, trained.without(int(row)), trained.start)
        moved.append(float(np.linalg.norm(new - old) / np.linalg.norm(old)))
        release = trained.released(*_stored(one.digits, old, [new]))
        word, reason, found = blind(release, one.digits, one.act)
        centre = release.X_public.mean(axis=0)
        cosines.append(float(centred_cosine(truth.X[[place]], found.X, centre)[0]))
        alone = dataclasses.replace(
            truth, X=truth.X[[place]], codes=_one(truth.codes, place), values=_one(truth.values, place)
        )
        hits = columns_right(release, alone, found)
        right.append(0.0 if hits is None else float(hits.mean()))
        words.append(word)
        reasons += [reason] if reason else []
    old, nobody = one.pair(fit, fit, trained.start)
    exposed = np.array([word == "EXPOSED" for word in words])
    return {
        "condition": one.key, "title": one.title, "works": one.works, "deletions": len(rows),
        "median_centred_cosine": round(float(np.median(np.nan_to_num(cosines))), 6),
        "exact_columns": round(float(np.mean(right)), 6), "change": float(np.median(moved)),
        "null_change": float(np.linalg.norm(nobody - old) / np.linalg.norm(old)),
        "words": {word: words.count(word) for word in sorted(set(words))}, "parameters": network.parameters,
        "reasons": {reason: reasons.count(reason) for reason in sorted(set(reasons))},
        "exposed": int(exposed.sum()), "false_exposed": int((exposed & (np.array(right) < 0.5)).sum()),
    }  # fmt: skip


def _one(array: Any, place: int) -> Any:
    return None if array is None else array[[place]]


def _stored(digits: str, old: Floats, new: Sequence[Floats]) -> tuple[Floats, list[Floats]]:
    """Return parameters as they come back from files of some precision."""
    return rounded(old, digits), [rounded(theta, digits) for theta in new]


def blind(release: NetworkRelease, digits: str, act: str) -> tuple[str, str, Any]:
    """Return the verdict on one pair without a truth, the check that stopped it ("" for none), and what came back."""
    attacked = attack(release, ["hrec+"])
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
