"""What both decoders reached in each case of the experiment `better`, as text."""

from __future__ import annotations

from typing import Any

from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.report import formatting

SHOWN = {
    "exact_record": "whole record exact",
    "surest_tenth": "of the surest tenth",
    "exact_columns": "columns exact",
    "calibration_error": "calibration error",
    "mean_confidence": "mean confidence",
    "median_bits": "bits that came back, median",
    "median_cosine": "cosine, median",
    "q10_cosine": "cosine, lowest decile",
    "share_above_.99": "cosine above .99",
    "deciles_ahead": "deciles ahead of hrec",
    "label": "label right",
    "median_target_error": "error of the target, median",
    "milliseconds": "milliseconds a deletion",
}


def decoders(result: dict[str, Any]) -> list[str]:
    """Return what both decoders reached in each case, and whether that was what was wanted."""
    text = []
    for case in result["cases"]:
        splits = f"{len(case['seeds'])} split{'s' if len(case['seeds']) > 1 else ''}"
        text += ["", f"  {case['title']}, n = {case['n']:,}: {case['deletions']:,} deletions, {splits}"]
        text.append(f"  {'':<34}{'hrec':>10}{'hrec+':>10}{'95 % interval':>22}")
        for name, label in SHOWN.items():
            both = [case["decoders"][decoder]["measures"][name] for decoder in (HREC.name, HREC_PLUS.name)]
            if both[1]["value"] is None:
                continue
            values = "".join(f"{measure(name, one['value']):>10}" for one in both)
            low, high = (measure(name, both[1][end]) for end in ("low", "high"))
            ends = "" if low == formatting.MISSING else f"{low} to {high}"
            text.append(f"  {label:<34}{values}{ends:>22}".rstrip())
        for target in case["targets"]:
            found = "reached" if target["met"] else "MISSED"
            text.append(f"  {found}: {SHOWN[target['measure']]} {wanted(target)}")
    return [*text, ""]


def wanted(target: dict[str, Any]) -> str:
    """Return the value that a measure was meant to reach."""
    if target["at_most"] is None:
        return f"≥ {target['at_least']:g}"
    return f"≤ {target['at_most']:g}"


def measure(name: str, value: float | None) -> str:
    """Return one of the decoders' measures as text."""
    if value is None:
        return formatting.MISSING
    if "cosine" in name:
        return formatting.similarity(value).replace("\u00a0", "")
    if name == "median_target_error":
        return formatting.number(value).replace("\u00a0", " ")
    return f"{value:.1f}" if name in ("median_bits", "milliseconds") else f"{value:.3f}"
