"""What an audit was asked: words and numbers for a reader that no attack sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from undelete.adapters.design.readout import Readout
from undelete.data.schema import Schema
from undelete.maths.arrays import Floats


@dataclass(frozen=True)
class Target:
    """The model's target in a reader's words.

    Parameters
    ----------
    name, label, unit : str
        As in the table, in plain words, and its unit ("" when it has none).
    kind : {"number", "class"}
        What it is.
    transform : {"exp"} or None
        How a reader should see a value: exp of a logarithm.
    classes : tuple or None
        The class labels; the second is +1 of a binary model.
    columns : tuple of str
        The table's columns where the model predicts several numbers at once, else empty.
    """

    name: str
    label: str
    unit: str = ""
    kind: str = "number"
    transform: str | None = None
    classes: tuple[Any, ...] | None = None
    columns: tuple[str, ...] = ()

    def coded(self, value: Any) -> Floats | None:
        """Return a target that files give away as the model has it (k,); None for what is no class of it.

        Examples
        --------
        >>> Target("late", "late", kind="class", classes=(0, 1)).coded("1")
        array([1.])
        """
        if self.kind == "number" or self.classes is None:
            return np.array([float(value)])
        places = [j for j, label in enumerate(self.classes) if str(label) == str(value)]
        if len(places) != 1:
            return None
        if len(self.classes) == 2:
            return np.array([2.0 * places[0] - 1.0])
        return np.asarray(np.eye(len(self.classes))[places[0]])


@dataclass(frozen=True)
class Setting:
    """What was asked, of which model: words and numbers for the report that no attack sees.

    Parameters
    ----------
    kind : {"audit", "simulate", "demo"}
        Which question.
    text : str
        The question in one sentence.
    model : dict
        Kind, loss, penalty, ... of the old model, as in audit.json.
    target : Target or None
        The model's target, where the public data have it.
    schema : Schema
        Columns in a reader's words.
    readout : Readout or None
        How the pixels of records that are images are read off the model's space.
    back : callable or None
        From targets (n, k) as the model is fitted to them to those of the table.
    public_source : str or None
        Where the public records are from.
    command : str or None
        How to run it again.
    joined : bool
        Whether the records joined between the two models, and were not deleted: what is said of who left is then of
        them.
    left, came : int
        How many people left, and how many joined, together, each time.
    protection : mapping or None
        What defences left and cost where `undelete protect` played them, as protection.json holds it.
    """

    kind: str
    text: str
    model: Mapping[str, Any]
    target: Target | None = None
    schema: Schema = field(default_factory=Schema)
    readout: Readout | None = None
    public_source: str | None = None
    back: Callable[[Floats], Floats] | None = None
    command: str | None = None
    joined: bool = False
    left: int = 1
    came: int = 0
    protection: Mapping[str, Any] | None = None

    @property
    def people(self) -> int:
        """How many people there are between two models."""
        return self.left + self.came
