"""Means over splits of what each defence leaves and costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from undelete.auditing.protection import Protection


def averaged(state: str, n: int, played: Sequence[Protection]) -> dict[str, Any]:
    """Return what is said of one state: each row's mean over splits, and what was recommended."""
    tables = [one.table.set_index(one.table.apply(_key, axis=1)) for one in played]
    kept = [key for key in tables[0].index if all(key in table.index for table in tables)]
    chosen = [None if one.recommended is None else _key(one.recommended) for one in played]
    return {
        "state": state, "n": n, "deletions": played[0].deletions, "measure": str(tables[0]["measure"].iloc[0]),
        "utility": float(np.mean([table["utility"].iloc[0] for table in tables])), "chosen": chosen,
        "refused": played[0].refused, "rows": [_mean([table.loc[key] for table in tables]) for key in kept],
    }  # fmt: skip


def _key(row: pd.Series[Any]) -> str:
    return f"{row['defence']} {_nan(row['strength']):g}"


def _mean(rows: Sequence[pd.Series[Any]]) -> dict[str, Any]:
    """Return one row's mean over splits; each split is a draw, and so are the deletions within it."""
    first = rows[0]
    exposure, loss = (_interval(rows, name) for name in ("exposure", "utility_loss"))
    exposure = tuple(min(max(end, 0.0), 1.0) for end in exposure)
    standing = [str(row["standing"]) for row in rows]
    return {
        "key": _key(first), "defence": first["defence"], "label": first["label"], "unit": first["unit"],
        "proof": first["proof"], "strength": _number(first["strength"]), "epsilon": _number(first["epsilon"]),
        "standing": max(sorted(set(standing)), key=standing.count),
        **dict(zip(("exposure", "exposure_low", "exposure_high"), exposure, strict=True)),
        **dict(zip(("utility_loss", "utility_loss_low", "utility_loss_high"), loss, strict=True)),
        "whole_records": float(np.mean([row["whole_records"] for row in rows])),
        "chance_before": float(np.mean([row["chance_before"] for row in rows])),
        "chance_after": _number(np.mean([_nan(row["chance_after"]) for row in rows])),
        "largest_change": float(np.mean([row["largest_change"] for row in rows])),
        "coefficients_moved": _number(np.mean([_nan(row["coefficients_moved"]) for row in rows])),
        "quantiles": np.mean([row["quantiles"] for row in rows], axis=0).round(4).tolist(),
    }  # fmt: skip


def _interval(rows: Sequence[pd.Series[Any]], name: str) -> tuple[float, ...]:
    """Return a mean over splits with its 95 % interval: that within splits, or that between them if it is larger."""
    value = np.array([row[name] for row in rows])
    within = np.array([(row[f"{name}_high"] - row[f"{name}_low"]) / (2 * 1.96) for row in rows])
    k = len(value)
    between = value.var(ddof=1) / k if k > 1 else 0.0
    half = 1.96 * float(np.sqrt(max((within**2).sum() / k**2, between)))
    middle = float(value.mean())
    return middle, middle - half, middle + half


def _nan(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _number(value: Any) -> float | None:
    """Return a number, None for what is none."""
    found = _nan(value)
    return None if found != found else found
