"""What a panel says of one attack: medians, shares with their intervals, and the curve of each similarity."""

from __future__ import annotations

from typing import Any

import numpy as np

from undelete.maths.arrays import Floats
from undelete.scoring.intervals import wilson

LEVELS = np.linspace(0.0, 1.0, 201)  # of the quantiles that describe a curve
_DECIMALS = 7


def summary(scores: dict[str, Floats]) -> dict[str, Any]:
    """Return an attack's medians, shares with Wilson's 95 % intervals, and curves as quantiles at `LEVELS`.

    Parameters
    ----------
    scores : dict
        "cosine", "centred", "direction" (b,) of the deletions that changed the model, and where they have a meaning
        "uncentred", "embedding", "label"; a deletion from which nothing came back (NaN) counts as 0.
    """
    known = {name: np.nan_to_num(values) for name, values in scores.items() if name not in ("direction", "label")}
    b = len(known["cosine"])
    row: dict[str, Any] = {"deletions": b, "direction_only": int(scores["direction"].sum())}
    wanted = [(f"median_{name}", name, 0.5) for name in known] + [
        ("q10_cosine", "cosine", 0.1),
        ("q90_cosine", "cosine", 0.9),
    ]
    for name, of, q in wanted:
        # beyond the seventh decimal the order of summation, and so the number of threads, would show
        row[name] = round(float(np.quantile(known[of], q)), _DECIMALS) if b else None
    shares = {f"share_above_{bound:g}".replace("0.", "."): known["cosine"] > bound for bound in (0.9, 0.99)}
    if "label" in scores:
        shares["label"] = scores["label"] > 0
    for name, hit in shares.items():
        low, high = wilson(float(hit.sum()), b)
        row |= {name: float(hit.sum()) / b, f"{name}_low": low, f"{name}_high": high} if b else {name: None}
    for name in known:
        if name == "centred" and "uncentred" in known:
            continue  # of standardised columns it is the cosine itself
        curve = np.quantile(known[name], LEVELS, method="inverted_cdf") if b else np.empty(0)
        row[f"curve_{name}"] = curve.round(_DECIMALS).tolist()
    return row
