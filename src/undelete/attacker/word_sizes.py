"""How large features of words are in documents that have them; maths (35)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from undelete.maths.arrays import Floats

_QUANTILES = 9  # of a feature's size beside what its word and its document say


@dataclass(frozen=True, eq=False)
class Sizes:
    """How large features are where they are not zero: of word j in document i exp(word_j + document_i + rest).

    Parameters
    ----------
    word : array (d,)
        Logarithms; of a word that no public document has, that of the rare ones.
    document : array (m,)
        Likewise.
    rest : array (q,)
        Quantiles of what is left.
    sign : array (d,)
        Of a feature: a hashing vectoriser has negative ones.
    """

    word: Floats
    document: Floats
    rest: Floats
    sign: Floats

    @classmethod
    def of(cls, X: sp.csr_array) -> Sizes:
        """Measure them on public documents (m, d)."""
        table = X.tocoo()
        log, i, j = np.log(np.abs(table.data)), table.row, table.col
        m, d = X.shape
        of_word, of_document = np.bincount(j, minlength=d), np.bincount(i, minlength=m)
        sign = np.where(np.bincount(j, np.sign(table.data), d) < 0, -1.0, 1.0)
        word, document = np.zeros(d), np.zeros(m)
        for _ in range(3):
            word = np.bincount(j, log - document[i], d) / np.maximum(of_word, 1)
            document = np.bincount(i, log - word[j], m) / np.maximum(of_document, 1)
        rare = (of_word > 0) & (of_word <= max(3, int(np.quantile(of_word[of_word > 0], 0.25))))
        word = np.where(of_word > 0, word, word[rare].mean())
        rest = np.quantile(log - word[j] - document[i], (np.arange(_QUANTILES) + 0.5) / _QUANTILES)
        return cls(word, document[of_document > 0], rest, sign)
