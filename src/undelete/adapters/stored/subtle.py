"""What document frequencies and second moments of two files say: whole numbers behind them."""

from __future__ import annotations

import numpy as np

from undelete.adapters.stored.change import Change
from undelete.adapters.stored.given import Given, certain
from undelete.adapters.stored.shortest import plain
from undelete.adapters.stored.statistic import Frequencies, Gram

_WHOLE = 1e-3  # of a whole number, within which one is taken for it
_RANK = 1e-6  # of the person's own second moments, what may be left of them
_SURE = 1e-5  # of a value, or of the column's size, within which it counts as known exactly
_DIGITS = 4e-16  # of an inverse document frequency


def words(big: Frequencies, small: Frequencies, change: Change) -> list[Given]:
    """Return the words of a document that left, of those that are also in others.

    With s = 1 (smooth) or 0, exp(idf - idf') is (n + s) / (n - 1 + s) for a word that the document lacks, and
    times (df - 1 + s) / (df + s), at most 1, for one that it has: the first says n, the second df.
    """
    later = dict(zip(small.words, small.idf, strict=True))
    shared = [(word, float(idf), float(later[word])) for word, idf in zip(big.words, big.idf, strict=True)
              if word in later]  # fmt: skip
    if change.number not in (1, None) or not shared or big.smooth != small.smooth:
        return []
    ratio = np.exp([idf - less for _, idf, less in shared])
    lacks = ratio > 1 + 8 * _DIGITS * max(float(np.max(big.idf)), 1.0)
    if not lacks.any():
        return []
    level = float(np.median(ratio[lacks]))
    extra = 1.0 if big.smooth else 0.0
    total = 1 / (level - 1) + 1 - extra  # n
    loose = total**2 * _DIGITS * 20
    if abs(total - round(total)) > max(_WHOLE, loose) or np.abs(ratio[lacks] / level - 1).max() > 20 * _DIGITS * 10:
        change.deny(f"{big.source}: document frequencies do not move as by one document")
        return []
    n = change.after if change.joined else change.before
    if n is not None and abs(total - n) > max(0.5, loose):
        change.deny(f"{big.source} are of {total:,.0f} documents and the file says {n:,.0f}")
        return []
    if change.number is None:
        ends = (total, total - 1) if not change.joined else (total - 1, total)
        change.before, change.after, change.number = float(round(ends[0])), float(round(ends[1])), 1.0
    change.one = True if change.one is None else change.one
    rows = []
    for (word, _, _), own in zip(shared, ratio, strict=True):
        if own <= 1 + 8 * _DIGITS * max(float(np.max(big.idf)), 1.0):
            share = own / level  # (df - 1 + s) / (df + s)
            count = 1 / (1 - share) - extra
            exact = abs(count - round(count)) <= max(_WHOLE, count**2 * _DIGITS * 40)
            if not exact:
                change.deny(f"{big.source}: document frequencies do not move as by one document")
                return []
            rows.append(certain("(words)", word, "word", big.source))
    return rows


def gram(big: Gram, small: Gram, change: Change) -> list[Given]:
    """Return the record x of which x x' is the difference of the second moments, exact where it has a constant.

    x x' times the constant's own 1 is x.
    """
    if list(big.names) != list(small.names) or change.number not in (1, None):
        return []
    D, unit = big.matrix - small.matrix, big.unit + small.unit
    if big.constant is None or abs(D[big.constant, big.constant] - 1) > 40 * unit[big.constant, big.constant] + _RANK:
        return []
    constant, sums = big.constant, np.diag(big.matrix)
    x = D[:, constant]
    near = _RANK * np.sqrt(np.outer(np.diag(D) + 1, np.diag(D) + 1)) + 40 * unit
    if (np.abs(D - np.outer(x, x)) > near).any():
        change.deny(f"{big.source}: second moments do not differ by one record's")
        return []
    size = np.sqrt(np.outer(sums, sums))  # what x x' leaves of D is round-off, which went with the columns' sizes
    error = 8 * np.maximum(unit, size * float((np.abs(D - np.outer(x, x)) / size).max()))[:, constant]
    n = round(float(sums[constant]))
    if change.number is None:
        change.before, change.after = (n - 1.0, float(n)) if change.joined else (float(n), n - 1.0)
        change.number = 1.0
    change.one = True if change.one is None else change.one
    rows = []
    for k, (name, value) in enumerate(zip(big.names, x, strict=True)):
        off = float(error[k])
        sure = off <= _SURE * max(abs(value), float(np.sqrt(sums[k] / max(n, 1))))
        rows.append(Given(str(name), plain(float(value), off), value - off, value + off, sure, "value", big.source))
    return [row for k, row in enumerate(rows) if k != constant]
