"""Audits as the project writes them, for the cases a report must be good for."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from undelete.redaction import redacted
from undelete.report.pictures import png

Audit = dict[str, Any]

STATES = ["Texas", "Georgia", "Ohio", "Florida", "Utah", "Maine"]
ATTACKS = [
    {
        "name": "hrec",
        "label": "the paper's attack",
        "role": "attack",
        "about": "the difference of the two models",
    },
    {
        "name": "hrec+",
        "label": "undelete's decoder",
        "role": "attack",
        "about": "the same difference, decoded with its error bars",
    },
    {
        "name": "avg",
        "label": "an average person",
        "role": "baseline",
        "about": "the average public record, whatever was deleted",
    },
    {
        "name": "maxdiff",
        "label": "the most changed public person",
        "role": "baseline",
        "about": "the public record on which the two models differ most",
    },
    {
        "name": "informed",
        "label": "an informed auditor",
        "role": "bound",
        "about": "somebody who holds all remaining records",
    },
]
COLUMNS = [
    {"name": "educ", "label": "education", "unit": "years", "kind": "discrete", "values": 18},
    {"name": "exper", "label": "experience", "unit": "years", "kind": "discrete", "values": 60},
    {"name": "state", "label": "state", "unit": None, "kind": "categorical", "values": 51},
    {
        "name": "hours",
        "label": "hours worked",
        "unit": "hours a week",
        "kind": "continuous",
        "values": None,
    },
]
# chance that a column comes back exactly, and the similarities' distance from 1
SKILL = {
    "hrec": ((0.97, 0.44, 1.0, 0.6), 0.004, 0.05),
    "hrec+": ((0.98, 0.7, 1.0, 0.8), 0.002, 0.02),
    "avg": ((0.3, 0.03, 0.09, 0.01), 0.08, np.nan),
    "maxdiff": ((0.25, 0.05, 0.2, 0.03), 0.1, 0.8),
    "informed": ((1.0, 1.0, 1.0, 1.0), 1e-9, 1e-9),
}


def _score(rng: np.random.Generator, attack: str, deletion: int, truth: bool) -> Audit:
    chances, far, centred = SKILL[attack]
    right = rng.random(4) < chances
    has_confidence = attack == "hrec+"
    row: Audit = {
        "attack": attack,
        "deletion": deletion,
        "status": "ok",
        "confidence": min(0.999, float(right.mean() - 0.1 + 0.2 * rng.random())) if has_confidence else None,
    }
    if not truth:
        empty = ("cosine", "centred_cosine", "exact_columns", "exact_record", "label", "target_error")
        return row | dict.fromkeys(empty)
    return row | {
        "cosine": float(1 - far * rng.exponential()),
        "centred_cosine": None if np.isnan(centred) else float(max(-1, 1 - centred * rng.exponential())),
        "exact_columns": float(right.mean()),
        "exact_record": float(right.all()),
        "label": None,
        "target_error": float(0.02 * rng.exponential() * (20 if attack in ("avg", "maxdiff") else 1)),
    }


def _summary(attack: str, rows: list[Audit], truth: bool) -> Audit:
    keys = ("cosine", "centred_cosine", "exact_columns", "exact_record", "target_error")
    score = {k: np.array([np.nan if r[k] is None else r[k] for r in rows]) for k in keys}
    names = [
        "median_cosine", "q10_cosine", "q90_cosine", "share_above_.9", "share_above_.99",
        "median_centred_cosine", "exact_columns", "exact_columns_low", "exact_columns_high", "exact_record",
        "exact_record_low", "exact_record_high", "label", "label_low", "label_high", "median_target_error",
    ]  # fmt: skip
    out: Audit = {"attack": attack, "n": len(rows), **dict.fromkeys(names)}
    if not truth:
        return out
    out["median_cosine"], out["q10_cosine"], out["q90_cosine"] = (
        float(np.quantile(score["cosine"], q)) for q in (0.5, 0.1, 0.9)
    )
    for level in (".9", ".99"):
        out[f"share_above_{level}"] = float((score["cosine"] > float(level)).mean())
    if np.isfinite(score["centred_cosine"]).any():
        out["median_centred_cosine"] = float(np.nanmedian(score["centred_cosine"]))
    for key in ("exact_columns", "exact_record"):
        mean = float(score[key].mean())
        half = 1.96 * float(score[key].std()) / len(rows) ** 0.5
        out |= {key: mean, f"{key}_low": max(0, mean - half), f"{key}_high": min(1, mean + half)}
    out["median_target_error"] = float(np.median(score["target_error"]))
    return out


def _record(rng: np.random.Generator, deletion: int, score: Audit, truth: bool) -> Audit:
    n_right = 4 if score["exact_columns"] is None else round(4 * score["exact_columns"])
    right = [i < n_right for i in (2, 0, 3, 1)]
    educ, exper, hours = (
        int(rng.integers(8, 20)),
        int(rng.integers(1, 50)),
        float(np.round(rng.normal(38, 8), 1)),
    )
    state = STATES[int(rng.integers(len(STATES)))]
    other = STATES[(STATES.index(state) + 1) % len(STATES)]
    true: list[Any] = [educ, exper, state, hours]
    wrong: list[Any] = [educ + 1, exper - 2, other, hours + 3.2]
    guess: list[Any] = [12, 20, "Texas", 39.4]
    cells = []
    for j, column in enumerate(COLUMNS):
        got = true[j] if right[j] or not truth else wrong[j]
        numeric = column["kind"] != "categorical"
        cells.append(
            {
                "name": column["name"],
                "recovered": got,
                "low": got - 1 if numeric else None,
                "high": got + 1 if numeric else None,
                "probability": 0.93 if right[j] else 0.51,
                "candidates": None if numeric else [[got, 0.93], [other, 0.05], ["Iowa", 0.01]],
                "true": true[j] if truth else None,
                "guess": guess[j],
                "right": right[j] if truth else None,
            }
        )
    wage = float(rng.normal(6.5, 0.5))
    target = {
        "recovered": wage + 0.01, "low": wage - 0.05, "high": wage + 0.07, "true": wage if truth else None,
        "guess": 6.4, "right": None,
    }  # fmt: skip
    return {
        "deletion": deletion,
        "row": 1000 + deletion,
        "attack": "hrec+",
        "status": "ok",
        "confidence": score["confidence"],
        "columns": cells,
        "target": target,
    }


VERDICTS = {
    "EXPOSED": (
        "A deletion gives back the person's record.",
        "The attack recovers 87 % of the columns exactly; the best guess without the old model gets 11 %.",
    ),
    "PARTLY EXPOSED": (
        "A deletion gives back part of the record.",
        "Two of the four columns come back more often than by guessing; the others do not.",
    ),
    "NOT EXPOSED": (
        "These deletions gave nothing back that a guess would not.",
        "The attack is no better than its controls, and the checks say it was able to work.",
    ),
    "NOT DECIDABLE": (
        "The two models are the same, so there is nothing to recover.",
        "The largest difference of any parameter is 0: no deletion can be seen between them.",
    ),
}


def make(deletions: int = 200, *, truth: bool = True, word: str = "EXPOSED", seed: int = 0) -> Audit:
    """An audit with so many deletions; without truth it has no scores."""
    rng = np.random.default_rng(seed)
    scores = [_score(rng, a["name"], i, truth) for a in ATTACKS for i in range(deletions)]
    by = {a["name"]: [s for s in scores if s["attack"] == a["name"]] for a in ATTACKS}
    best = sorted(by["hrec+"], key=lambda s: -(s["exact_columns"] or 0))[:50]
    chances = {name: skill[0] for name, skill in SKILL.items()}
    sentence, reason = VERDICTS[word]
    return {
        "schema": "undelete.audit/1",
        "undelete": "0.1.0",
        "created": "2026-11-23T12:00:00Z",
        "command": "undelete demo --out demo/",
        "redacted": False,
        "question": {
            "kind": "audit" if deletions == 1 else "demo",
            "deletions": deletions,
            "text": f"{deletions} of 14,750 people asked to be deleted, one at a time. Each time the model "
            "was retrained exactly without that person. What does somebody who kept the old model learn?",
        },
        "model": {
            "kind": "Ridge", "loss": "squared", "features": 55, "outputs": 1, "intercept": True,
            "penalty": 1.5, "n": 14750, "steps": ["ColumnTransformer", "StandardScaler"],
            "before": None, "after": None,
            "quality": {"R2": 0.1234},
        },
        "public": {"records": 14751, "source": "US Census 2000, the other half of census2000"},
        "target": {
            "name": "lweekinc", "label": "log weekly income", "kind": "number", "unit": "dollars",
            "transform": "exp", "classes": None,
        },
        "columns": copy.deepcopy(COLUMNS),
        "attacks": copy.deepcopy(ATTACKS),
        "verdict": {
            "word": word, "sentence": sentence, "reason": reason,
            "rule": {"most_of_the_record": 0.5, "confident": 0.9, "level": 0.95},
        },
        "exposure": 0.87 if truth else None,
        "threat_model": [
            {"assumption": "the old model's parameters", "known": True, "detail": "kept from before"},
            {"assumption": "the new model's parameters", "known": True, "detail": "as released after it"},
            {"assumption": "public records", "known": True, "detail": "14,751 people of the same survey"},
            {"assumption": "the number of private records", "known": True,
             "detail": "scales the target; without it the columns come back all the same"},
            {"assumption": "the penalty", "known": False, "detail": "taken as zero, as in the paper"},
            {"assumption": "any private record", "known": False, "detail": "none is used"},
        ],
        "diagnostics": [
            {"name": "Convergence", "value": "3e-13 a record", "ok": True,
             "text": "the largest gradient on the remaining records: each model is retrained exactly"},
            {"name": "Public records for each feature", "value": "268", "ok": True,
             "text": "enough to estimate the curvature that the attack needs"},
            {"name": "Penalty", "value": "not known", "ok": None, "text": "the attack takes it as zero"},
        ],
        "warnings": ["The old and the new model keep a scaler's mean and count: together they give the "
                     "deleted value away by subtraction alone."],
        "summary": [_summary(a["name"], by[a["name"]], truth) for a in ATTACKS],
        "lift": {"score": "exact_columns", "attack": "hrec+", "baseline": "maxdiff", "difference": 0.74,
                 "low": 0.71, "high": 0.77} if truth else None,
        "per_column": [
            {"column": c["name"], **{n: (chances[n][j] if truth else None) for n in chances}}
            for j, c in enumerate(COLUMNS)
        ],
        "scores": scores,
        "records": [_record(rng, s["deletion"], s, truth) for s in best],
        "advice": [
            {"action": "Delete in batches", "measured": False,
             "why": "Retrain once for many deletions: the difference is then a mixture of their gradients."},
            {"action": "Do not publish both models", "measured": True,
             "why": "Everything here needs the old parameters beside the new."},
        ],
        "environment": {"python": "3.11.9", "numpy": "2.0.0", "scikit-learn": "1.6.0", "platform": "Linux"},
        "paper": "Bertran et al., Reconstruction Attacks on Machine Unlearning: Simple Models are Vulnerable",
    }  # fmt: skip


def undecided() -> Audit:
    """Two equal models: no record, no score."""
    audit = make(1, truth=False, word="NOT DECIDABLE")
    audit |= {"scores": [], "summary": [], "records": [], "per_column": [], "exposure": None, "target": None}
    audit["question"]["text"] = "before.skops and after.skops were compared."
    audit["model"] |= {
        "before": "before.skops",
        "after": "after.skops",
        "n": None,
        "penalty": None,
        "quality": None,
    }
    audit["diagnostics"] = [
        {
            "name": "Size of the change",
            "value": "0",
            "ok": False,
            "text": "the models are equal",
        }
    ]
    audit["warnings"] = []
    return audit


def pictures(shape: tuple[int, ...] = (6, 8), deletions: int = 40, shown: int = 24) -> Audit:
    """An audit of images: no raw columns, but pictures of some deletions and a label for each."""
    rng = np.random.default_rng(0)
    audit = make(deletions)
    noise = iter(rng.integers(0, 256, (4 * shown + 1, *shape), dtype=np.uint8))
    items = [
        {
            "deletion": i,
            "row": 500 + i,
            "status": "direction" if i == 3 else "unchanged" if i == 4 else "ok",
            "label": {"recovered": None if i == 3 else "coat", "true": ("coat", "bag")[i % 2], "right": i % 2 == 0},
            "pictures": [
                {"name": "true", "png": png(next(noise))},
                {"name": "hrec+", "png": None if i == 4 else png(next(noise)), "cosine": 0.93, "centred_cosine": 0.9},
                {"name": "maxdiff", "png": png(next(noise)), "cosine": 0.61, "centred_cosine": 0.5},
                {"name": "nearest", "png": png(next(noise)), "cosine": 0.7, "centred_cosine": 0.6},
            ],
        }
        for i in range(shown)
    ]
    for row in [*audit["scores"], *audit["summary"]]:
        row |= dict.fromkeys([key for key in row if key.startswith("exact")])
    audit["pictures"] = {
        "shape": list(shape), "low": 0.0, "high": 255.0, "guessed": True, "average": png(next(noise)), "items": items,
    }  # fmt: skip
    audit |= {"columns": [], "per_column": []}
    audit["records"] = [{**record, "columns": []} for record in audit["records"]]
    audit["target"] = {"name": "kind", "label": "kind", "kind": "class", "unit": "", "transform": None,
                       "classes": ["bag", "coat"]}  # fmt: skip
    audit["lift"] |= {"score": "centred_cosine"}
    return audit


def build(case: str) -> Audit:
    """One of the cases by name; each call gives a fresh copy."""
    return {
        "demo": lambda: make(200),
        "one": lambda: make(1),
        "one without truth": lambda: make(1, truth=False, word="PARTLY EXPOSED"),
        "many without truth": lambda: make(30, truth=False, word="PARTLY EXPOSED"),
        "few": lambda: make(3),
        "undecided": undecided,
        "not exposed": lambda: make(60, word="NOT EXPOSED"),
        "redacted": lambda: redacted(make(40)),
        "ten thousand": lambda: make(10_000),
        "pictures": pictures,
        "one picture": lambda: pictures((6, 6, 3), 1, 1),
        "redacted pictures": lambda: redacted(pictures()),
    }[case]()


CASES = (
    "demo", "one", "one without truth", "many without truth", "few", "undecided", "not exposed", "redacted",
    "pictures", "one picture", "redacted pictures",
)  # fmt: skip


@pytest.fixture(params=CASES)
def audit(request: pytest.FixtureRequest) -> Audit:
    return build(request.param)


@pytest.fixture(name="build")
def build_fixture() -> Any:
    return build
