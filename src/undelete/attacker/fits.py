"""Whether a gradient is that of any record of a table at all, as errors alone would put it."""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2

from undelete.attacker.hrec_plus import hrec_plus
from undelete.maths.arrays import Floats
from undelete.release.release import Release


def log_fits(release: Release) -> Floats | None:
    """Return the log-probability (b,) that errors put gradients as far as they are from the records found behind them.

    0 where no record was found; None of a release without columns. Cost as of `hrec_plus`. Source: maths (13), (48).
    """
    if not release.columns or release.embedding is not None:
        return None
    found = hrec_plus(release, np.random.default_rng(0))
    if found.misfit is None or not found.misfit_terms:
        return None
    return np.asarray(np.nan_to_num(chi2.logsf(found.misfit, found.misfit_terms), nan=0.0))
