"""The names of a result's terms, in the grammar of plain files."""

from __future__ import annotations

import re
from collections.abc import Collection

import pandas as pd

from undelete.errors import InputError

CONSTANTS = ("Intercept", "const", "1")
_LEVEL = re.compile(r"(?:C\((?P<call>[^,()]+)(?:,.*)?\)|(?P<bare>[^\[\]]+))\[(?:T\.)?(?P<level>.*)\]")
_CODED = re.compile(r"\[(S|H|D|P)\.|\[\.?(Linear|Quadratic|Cubic)")
_POWER = re.compile(r"I\(\s*(?P<name>\w+)\s*\*\*\s*(?P<power>\d+)\s*\)")
_PLAIN = re.compile(r"""(?:Q\(['"](?P<quoted>[^'"]+)['"]\)|(?P<name>[^()\[\]^*=]+))""")


def columns(names: list[str], public: pd.DataFrame | None, targets: Collection[str]) -> list[str]:
    """Return the terms' names; of an array's x1, x2, ... the public table's columns in their order."""
    own = [name for name in names if name not in CONSTANTS]
    if public is None or not own or not all(re.fullmatch(r"x\d+", name) for name in own):
        return names
    have = [str(name) for name in public.columns]
    if set(own) <= set(have):
        return names
    have = [name for name in have if name not in targets]
    if len(have) != len(own):
        raise InputError(
            f"the model was fitted on an array of {len(own)} columns and the public table has {len(have)} besides the "
            "target: give the same columns in the same order"
        )
    at = dict(zip(own, have, strict=True))
    return [at.get(name, name) for name in names]


def feature(term: str) -> str:
    """Return a term's name in the grammar of plain files."""
    return "*".join(_factor(part.strip(), term) for part in term.split(":"))


def _factor(part: str, term: str) -> str:
    power, plain = _POWER.fullmatch(part), _PLAIN.fullmatch(part)
    if power is not None:
        return f"{power['name']}^{power['power']}"
    if plain is not None:
        return str(plain["quoted"] or plain["name"]).strip()
    level = None if _CODED.search(part) else _LEVEL.fullmatch(part)
    if level is None:
        raise InputError(
            f"the term {term!r} has no name in undelete's grammar (columns, powers, levels of treatment contrasts and "
            "their products): make it a column of the table"
        )
    return f"{(level['call'] or level['bare']).strip()}={level['level']}"
