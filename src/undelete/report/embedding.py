"""The audit inside its own report: JSON that no value in it can end, and small enough to travel.

What is embedded can be downloaded from the page. When an audit has many deletions the embedded copy holds a
sample of the scores and says so under ``"sampled"``; audit.json beside the report has all of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from undelete.report.facts import Audit, ranking, sampled
from undelete.report.pictures import without_pictures

LARGEST = 300_000  # characters


def clean(x: Any) -> Any:
    """Return the same with NaN and infinities as null, as audit.json has them."""
    if isinstance(x, Mapping):
        return {str(key): clean(value) for key, value in x.items()}
    if isinstance(x, list | tuple):
        return [clean(value) for value in x]
    if isinstance(x, float) and not math.isfinite(x):
        return None
    return x


def embedded(audit: Audit, largest: int = LARGEST) -> tuple[str, bool]:
    """Return the audit as JSON for a script element, and whether some of it was left out.

    Of what defences left of pictures the page has the only copy. Pictures go first, which the page shows anyway. Then
    scores are thinned, then records: halved until the text has at most `largest` characters, or until 20 deletions and
    one record are left.
    """
    if audit.get("defended"):
        audit = {**audit, "defended": None}
    text = escape(audit)
    if len(text) > largest and audit.get("pictures"):
        left = {**audit, "pictures": without_pictures(audit["pictures"]), "sampled": {"pictures": 0}}
        text = escape(left)
        if len(text) <= largest:
            return text, True
        audit = left
    deletions = len({row["deletion"] for row in audit["scores"]})
    keep, records = min(deletions, 1000), len(audit["records"])
    order = ranking(audit)
    whole = len(text) <= largest
    while len(text) > largest:
        chosen = {row["deletion"] for row in sampled(order, keep, keep // 2)}
        text = escape(
            {
                **audit,
                "scores": [row for row in audit["scores"] if row["deletion"] in chosen],
                "records": audit["records"][:records],
                "sampled": {
                    **audit.get("sampled", {}),
                    "deletions": min(keep, deletions),
                    "of": deletions,
                    "records": records,
                },
            }
        )
        if keep <= 20 and records <= 1:
            break
        # records are richer than scores: they go only when few scores are left
        keep, records = (max(20, keep // 2), records) if keep > 100 else (20, max(1, records // 2))
    return text, not whole


def escape(audit: Audit) -> str:
    """Return JSON in which no text can close the script element, open another or start a comment."""
    text = json.dumps(audit, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
