"""What protection.json files say: of which model they speak, how it was protected, and what other defences left.

`undelete protect` writes one beside the protected model.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from undelete.auditing.protection import FILE, NONE, PICTURES, PROOFS, SCHEMA
from undelete.errors import InputError
from undelete.limits import HOW, JSON_BYTES, allowed
from undelete.release.protection import Law
from undelete.report.pictures import file_as_uri

Statement: TypeAlias = "str | os.PathLike[str] | Mapping[str, Any] | Stated"

_PLAYED = ("deletions", "limits", "recommended", "table")
_NUMBERS = ("exposure", "exposure_low", "exposure_high", "utility", "utility_loss", "whole_records")
_OR_NONE = ("strength", "epsilon", "chance_before", "chance_after")
_WORDS = ("defence", "label", "unit", "measure", "proof")
_LIMITS = ("max_exposure", "max_loss")


@dataclass(frozen=True)
class Stated:
    """What one protection.json says.

    Parameters
    ----------
    place : str
        Where it stands, for messages.
    parameters : str
        Digest of the parameters of the model it speaks of.
    law : Law or None
        How that model was protected; None where no defence was recommended, so that there is none.
    asked : bool
        Whether it was named, and not only found beside a model file.
    of : str
        Digest of the parameters of the model whose defences were played.
    played : mapping or None
        What these left and cost: `deletions`, `limits`, `recommended` and `table` of the file; `drawn`, the picture of
        what they left of deleted pictures, where it lies beside.
    """

    place: str
    parameters: str
    law: Law | None
    asked: bool
    of: str = ""
    played: Mapping[str, Any] | None = None


def read_stated(stated: Statement | Sequence[Statement] | None, before: object, after: object) -> list[Stated]:
    """Return what is stated of protected models.

    Parameters
    ----------
    stated : path, mapping, or several of them, or None
        protection.json files, or what they hold. One beside a model file is found by itself.
    before, after
        The two models as they were given.

    Raises
    ------
    InputError
        Where one cannot be read.
    """
    one = stated is None or isinstance(stated, str | os.PathLike | Mapping | Stated)
    asked: list[Any] = [] if stated is None else [stated] if one else list(stated)  # type: ignore[arg-type]
    beside = {Path(model).parent / FILE for model in (before, after) if isinstance(model, str | os.PathLike)}
    named = {Path(one).resolve() for one in asked if isinstance(one, str | os.PathLike)}
    found = [_read(one, asked=True) for one in asked]
    found += [_read(one, asked=False) for one in sorted(beside) if one.is_file() and one.resolve() not in named]
    return [one for one in found if one is not None]


def _read(source: Statement, *, asked: bool) -> Stated | None:
    if isinstance(source, Stated):
        return source
    place = "the protection given" if isinstance(source, Mapping) else str(source)
    try:
        held = source if isinstance(source, Mapping) else _parsed(Path(source))
        if held["schema"] != SCHEMA:
            raise InputError(f"{place} has schema {held['schema']!r}, and this version reads {SCHEMA!r}")
        law = None if held["law"] is None else Law.of(held["law"])
        played = _checked({name: held[name] for name in _PLAYED})
        if not isinstance(source, Mapping):
            played["drawn"] = file_as_uri(Path(source).with_name(PICTURES))
        return Stated(place, str(held["parameters"]), law, asked, str(held.get("of", "")), played)
    except OSError as error:
        raise InputError(f"{place} cannot be read ({error.strerror or error}): name a {FILE}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{place} is no {FILE} that undelete protect wrote ({error}): how a model was protected is read from it"
        ) from error


def _checked(played: dict[str, Any]) -> dict[str, Any]:
    """Return what defences left and cost; ValueError, TypeError or KeyError where it is no such table."""
    if not played["table"] or played["table"][0]["defence"] != NONE:
        raise ValueError("its table does not begin with the row without a defence")
    rows = [*played["table"], *([] if played["recommended"] is None else [played["recommended"]])]
    for row in rows:
        numbers = [row[name] for name in _NUMBERS]
        numbers += [row[name] for name in _OR_NONE if row[name] is not None]
        if not all(isinstance(x, int | float) and np.isfinite(x) for x in numbers):
            raise ValueError("a row of its table has something else than numbers")
        if row["standing"] not in PROOFS or not all(isinstance(row[name], str) for name in _WORDS):
            raise ValueError("a row of its table does not say what stands behind it")
    if not all(isinstance(x, int | float) for x in (played["deletions"], *map(played["limits"].get, _LIMITS))):
        raise ValueError("its limits are no numbers")
    return played


def _parsed(file: Path) -> Mapping[str, Any]:
    size = file.stat().st_size
    if size > allowed(JSON_BYTES):
        raise InputError(f"{file} has {size / 1e6:,.0f} MB, over {allowed(JSON_BYTES) / 1e6:,.0f} MB of JSON: {HOW}")
    found = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(found, Mapping):
        raise ValueError("it holds no object")
    return found


def measured(stated: Sequence[Stated], digests: Sequence[str]) -> Mapping[str, Any] | None:
    """Return what defences left and cost that were played of a model with one of some digests; None where none were."""
    for own in digests:
        for one in stated:
            if own in (one.of, one.parameters):
                return one.played
    return None


def measured_of(stated: Sequence[Stated], digest: str) -> Mapping[str, Any] | None:
    """Return the same of one model alone; InputError where what was named is of another."""
    found = measured(stated, [digest])
    other = next((one for one in stated if one.asked), None)
    if found is None and other is not None:
        raise InputError(
            f"{other.place} speaks of other parameters than this model has: give the {FILE} that undelete protect "
            "wrote of it"
        )
    return found
