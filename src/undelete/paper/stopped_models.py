"""What `stopped` does of images and of people alike: train, keep, attack by who knows the optimiser."""

from __future__ import annotations

import numpy as np

from undelete.attacker.stopped import reconstruct
from undelete.errors import InputError
from undelete.lab.kept import Shelf, attacking_code, code_of, digest
from undelete.lab.stopped import Optimiser, steepest, trained
from undelete.maths.arrays import Floats, Indices
from undelete.maths.descent import Descent
from undelete.maths.loss import Loss
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release
from undelete.scoring.intervals import wilson

BUDGETS = (10, 100, 500)
KNOWN = "known"
"""Who knows the learning rate, the momentum and the number of steps, and undoes them: maths (40)."""
DECIMALS = 6
_ADAM = 0.01  # its learning rate
_FORM = 1


def kept_training(
    kept: Shelf, X: Floats, Y: Floats, loss: Loss, rows: Indices, optimiser: Optimiser, seed: int
) -> tuple[dict[int, Floats], float, str]:
    """Return the models by budget, the learning rate, and a digest of what they depend on."""
    step = _ADAM if optimiser.method == "adam" else 1 / steepest(X, loss, Y)
    key = digest(
        _FORM, X.shape, float(X.sum()), rows.tolist(), optimiser, BUDGETS, seed, code_of("undelete.lab.stopped")
    )
    name = f"stopped-{optimiser.key}-{len(rows)}"
    found = kept.load(name, key)
    if found is None:
        models = trained(X, Y, loss, rows, optimiser, step, BUDGETS, seed)
        found = kept.store(name, key, {str(budget): W for budget, W in models.items()}, {})
    return {int(budget): W for budget, W in found.arrays.items()}, step, key


def known(release: Release, optimiser: Optimiser, step: float, budget: int) -> Reconstruction | None:
    """Return what who knows the optimiser reconstructs; None where there is no filter, or no step that converges."""
    if optimiser.method != "descent":
        return None
    try:
        return reconstruct(release, Descent(step, budget, optimiser.momentum), np.random.default_rng(0))
    except InputError:
        return None


def spread(name: str, values: Floats) -> dict[str, float | None]:
    """Return the median of some similarities, their lowest decile, and the ends of the median's 95 % interval."""
    known = np.nan_to_num(values)
    low, high = wilson(len(known) / 2, len(known))
    at = np.quantile(known, [0.5, 0.1, low, high]).round(DECIMALS).tolist()
    return dict(zip((f"median_{name}", f"q10_{name}", f"median_{name}_low", f"median_{name}_high"), at, strict=True))


def attacking() -> str:
    """Return a digest of the source that attacks: results of other code are not taken over."""
    return digest(attacking_code(), code_of("undelete.attacker.stopped"))
