"""What each defence leaves of deleted pictures: a row a strength, five at most, below the deleted ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from undelete.report.picture_rows import PictureRow, draw

STRENGTHS = 5  # of each defence, at most
_NOTE = (
    "Under each picture its centred cosine with the deleted one. The attack knows the defence. These are private "
    "records: do not publish this picture with the model."
)


def write(
    table: Sequence[Mapping[str, Any]],
    heads: Sequence[str],
    deleted: Sequence[Any],
    shots: Sequence[Mapping[str, Any] | None],
    stem: Path,
) -> tuple[Path, Path]:
    """Write ``stem.svg`` and ``stem.png``, which only their owner may read, and return both paths.

    Parameters
    ----------
    table : sequence of mappings
        The rows of protection.json.
    heads, deleted, shots
        As `undelete.auditing.protection.Pictures` has them.
    stem : Path
        Where to write, without a suffix.
    """
    rows = [PictureRow("deleted", [_picture(one) for one in deleted])]
    by_defence: dict[str, list[int]] = {}
    for i, row in enumerate(table):
        if shots[i] is not None:
            by_defence.setdefault(str(row["defence"]), []).append(i)
    for places in by_defence.values():
        for k, i in enumerate(_some(places)):
            row, shot = table[i], shots[i]
            assert shot is not None
            alone = row["strength"] is None
            name = str(row["label"]) if alone else f"{row['strength']:g}"
            above = "" if alone or k else f"{row['label']}, by {row['unit'] or 'strength'}"
            rows.append(PictureRow(name, [_picture(one) for one in shot["pixels"]], shot["near"], above=above))
    paths = draw("What each defence leaves of deleted pictures", heads, rows, stem, [_NOTE])
    for path in paths:
        path.chmod(0o600)
    return paths


def _some(places: Sequence[int]) -> list[int]:
    """Return as many as are shown, the first and the last among them."""
    at = np.unique(np.linspace(0, len(places) - 1, min(STRENGTHS, len(places))).round().astype(int))
    return [places[i] for i in at]


def _picture(pixels: Any) -> Any:
    return None if pixels is None else np.asarray(pixels, dtype=np.uint8)
