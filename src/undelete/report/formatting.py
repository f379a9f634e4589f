"""Numbers and values as a reader wants them: few digits, units, nothing rounded up to certain.

Every function takes what JSON can hold, and shows None as an en dash.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

MISSING = "–"
LONGEST = 80
_SPACE = "\u00a0"  # no line break between a number and its unit
_PLURALS = ("years", "hours", "weeks", "days", "months", "minutes", "dollars")


def percent(share: float | None) -> str:
    r"""Return a share as a percentage that never rounds to all or nothing.

    Examples
    --------
    >>> percent(0.4512).replace("\u00a0", " "), percent(0.9996).replace("\u00a0", " ")
    ('45 %', '> 99.9 %')
    """
    if share is None:
        return MISSING
    hundred = 100 * share
    if 0 < hundred < 0.1:
        return f"<{_SPACE}0.1{_SPACE}%"
    if 99.9 < hundred < 100:
        return f">{_SPACE}99.9{_SPACE}%"
    near = 0 < hundred < 1 or 99 < hundred < 100
    return f"{hundred:.{1 if near else 0}f}{_SPACE}%".replace("-", "−")


def percent_range(low: float | None, high: float | None) -> str:
    """Return an interval of shares, ``42 to 48 %``; empty when there is none."""
    if low is None or high is None:
        return ""
    ends = [percent(low), percent(high)]
    if not any(mark in end for end in ends for mark in "<>"):
        ends[0] = ends[0].removesuffix(f"{_SPACE}%")
    return " to ".join(ends)


def similarity(cosine: float | None) -> str:
    r"""Return a cosine: three decimals, four beyond .99 where the difference between attacks lies.

    Examples
    --------
    >>> similarity(0.4567), similarity(0.99981), similarity(0.99999).replace("\u00a0", " ")
    ('0.457', '0.9998', '> 0.9999')
    """
    if cosine is None:
        return MISSING
    if 0.9999 < cosine < 1:
        return f">{_SPACE}0.9999"
    return f"{cosine:.{4 if 0.99 < abs(cosine) < 1 else 3}f}".replace("-", "−")


def number(x: float) -> str:
    """Return a number with four significant digits, whole numbers as they are.

    Thousands are separated from 10,000 on only: below, a whole number is often a code or a year.

    Examples
    --------
    >>> number(4700), number(29501), number(3.14159), number(3e-13)
    ('4700', '29,501', '3.142', '3e-13')
    """
    if x == 0:
        return "0"
    size = abs(x)
    if size >= 1e15 or size < 1e-4:
        return f"{x:.3g}".replace("e-0", "e-").replace("e+", "e")
    if x == round(x):
        text = f"{x:,.0f}"
    else:
        text = f"{x:,.{max(0, 3 - math.floor(math.log10(size)))}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    return (text.replace(",", "") if size < 10_000 else text).replace("-", "−")


def _bare(value: Any, unit: str | None) -> str:
    """Return a value without its unit."""
    if value is None:
        return MISSING
    if isinstance(value, list | tuple):
        return ", ".join(_bare(part, unit) for part in value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return shorten(str(value))
    if not math.isfinite(value):
        return MISSING if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if unit and unit.startswith("dollar"):
        decimals = 0 if abs(value) >= 100 or value == round(value) else 2
        return f"{value:,.{decimals}f}".replace("-", "−")
    return number(value)


def value(x: Any, unit: str | None = None) -> str:
    r"""Return a value in its unit; text is shown as it is, shortened to 80 characters.

    Examples
    --------
    >>> value(12.0, "years").replace("\u00a0", " "), value(51234.7, "dollars").replace("\u00a0", " ")
    ('12 years', '51,235 dollars')
    """
    text = _bare(x, unit)
    if not unit or isinstance(x, str | bool) or x is None:
        return text
    if x == 1:
        unit = next((unit.replace(word, word[:-1], 1) for word in _PLURALS if unit.startswith(word)), unit)
    return f"{text}{_SPACE}{unit}"


def value_range(low: Any, high: Any, unit: str | None = None) -> str:
    """Return ``33 to 35 years``; one value when both ends read the same, empty when there is no range."""
    if low is None or high is None:
        return ""
    if isinstance(low, int | float) and isinstance(high, int | float) and 0 < high - low < 10:
        # two digits of the width: the rest of an end says nothing
        decimals = max(0, 1 - math.floor(math.log10(high - low)))
        low, high = round(low, decimals), round(high, decimals)
    first, last = _bare(low, unit), value(high, unit)
    return last if first == _bare(high, unit) else f"{first} to {last}"


def target_value(x: Any, target: Mapping[str, Any]) -> Any:
    """Return a target's value as it is shown: exp undone, +1 and -1 named by their class."""
    if isinstance(x, list | tuple):
        return [target_value(part, target) for part in x]
    if x is None or isinstance(x, str):
        return x
    if target.get("transform") == "exp":
        # a range of a badly identified target may not fit a float
        return math.exp(x) if x < 700 else math.inf
    classes = target.get("classes")
    if target.get("kind") == "class" and classes and x not in classes and x in (-1, 1) and len(classes) == 2:
        return classes[0] if x == -1 else classes[1]
    return x


def target_error(error: float | None, target: Mapping[str, Any] | None) -> str:
    """Return an error of the target: relative when it was predicted as a logarithm, else in its unit."""
    if error is None:
        return MISSING
    if target is not None and target.get("transform") == "exp":
        relative = math.expm1(min(error, 700))
        return f"{number(float(f'{100 * relative:.2g}'))}{_SPACE}%"
    return value(float(f"{error:.3g}"), target.get("unit") if target else None)


def shorten(text: str, longest: int = LONGEST) -> str:
    """Return text cut to `longest` characters, with an ellipsis when something was cut."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def count(n: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun: ``1 deletion``, ``1,200 deletions``."""
    return f"{n:,}{_SPACE}{one if n == 1 else many or one + 's'}"


def date(created: str) -> str:
    """Return an ISO time in words; anything else as it is."""
    try:
        when = datetime.fromisoformat(created)
    except ValueError:
        return shorten(created)
    zone = when.tzname() or ""
    return f"{when.day} {when:%B %Y, %H:%M} {zone}".strip()


def strength(row: Mapping[str, Any]) -> str:
    """Return a defence's strength with what it is a number of; empty where it has none.

    Examples
    --------
    >>> strength({"strength": 1.0, "unit": "epsilon"}), strength({"strength": 3.0, "unit": "significant digits"})
    ('epsilon 1', '3 significant digits')
    """
    number, unit = row["strength"], str(row["unit"])
    if number is None:
        return ""
    return f"{unit} {number:g}" if unit.endswith("epsilon") else f"{number:g} {unit}"
