"""Which of some documents was deleted? Each one's pull on every word beside the one that two models say: maths (16).

Of text the error of each word is known, (35), and no two words' errors are taken to go together: nothing is made dense.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.stats import chi2

from undelete.attacker.documents import Seen
from undelete.maths.arrays import Floats


def explain_documents(seen: Seen, X: sp.csr_array, pulls: Floats, frequency: Floats) -> tuple[Floats, Floats]:
    """Return how far each document's gradient is from the one seen (c,), and how often that is so by chance (c,).

    Parameters
    ----------
    seen : Seen
        What the models say.
    X : sparse array (c, d)
        Candidates, as the old model reads them.
    pulls : array (c, k)
        Minus their residuals there: a document's gradient is -x' r.
    frequency : array (d,)
        How often each word is in a document: about as often one that the deleted document lacks is somebody else's, who
        shares a rare word with it, and then anywhere.

    Returns
    -------
    array (c,)
        Squared distance in standard errors; where errors have tails, twice what the log-density is below its most.
    array (c,)
        How often the deleted document would be farther: there words that a candidate lacks may be of somebody else.

    Notes
    -----
    Cost a pass over the entries of X that are not zero.
    """
    own, y, noise = X.tocoo(), seen.y, seen.noise
    j, pulled = own.col, (pulls @ seen.direction)[own.row] * own.data
    alone = 0.0 if not seen.pull.size else ((pulls - seen.pull) ** 2).sum(axis=1) / seen.error**2
    absent, off = noise.log_density(y), noise.at(j).log_density(y[j] - pulled)
    anywhere = noise.log_even(frequency, float(np.abs(y[noise.known]).max(initial=np.finfo(float).tiny)))
    found = [
        np.asarray(alone - 2 * (there.sum() + np.bincount(own.row, off - there[j], X.shape[0])))
        for there in (absent, np.logaddexp(absent, anywhere))
    ]
    return found[0], np.asarray(chi2.sf(found[1], int(noise.known.sum()) + seen.pull.size))
