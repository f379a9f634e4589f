"""Records back in the raw columns from what steps made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from undelete.adapters.stored.feature import Feature
from undelete.adapters.stored.shortest import plain
from undelete.adapters.stored.statistic import TARGET
from undelete.maths.arrays import Floats


def raw_table(features: Sequence[Feature], rows: Floats, target: Any = None) -> pd.DataFrame:
    """Return records in the raw columns from what steps made of them; what cannot be undone stays as it is.

    Parameters
    ----------
    features : sequence of Feature
        What the columns of `rows` are.
    rows : array (r, features)
        Records.
    target : array (r,), optional
        Their targets.
    """
    table: dict[str, Any] = {}
    for j in range(rows.shape[1]):
        feature = features[j] if len(features) == rows.shape[1] else Feature(f"feature {j}", None)
        name = feature.name if feature.column is None else feature.column
        values = feature.slope * rows[:, j] + feature.offset
        if feature.category is not None:
            held = table.setdefault(name, np.full(len(rows), None, dtype=object))
            held[np.abs(values - 1) < 1e-6] = feature.category
        elif feature.codes is not None:
            places = np.rint(values).astype(int)
            known = [feature.codes[k] if 0 <= k < len(feature.codes) else None for k in places]
            table[name] = np.array(known, dtype=object)
        else:
            table[name] = np.array([plain(v, feature.noise and feature.noise + 1e-13 * abs(v)) for v in values])
    if target is not None:
        table[TARGET] = np.asarray(target).ravel() if np.ndim(target) == 1 else list(np.asarray(target))
    return pd.DataFrame(table)
