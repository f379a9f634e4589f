"""The kinds of value that options take, and a parser that says what is wrong with one in one line."""

from __future__ import annotations

import argparse
from typing import NoReturn, TypeAlias

from undelete.errors import InputError
from undelete.maths.descent import Descent
from undelete.plain_text import escaped

EPILOG = "Docs: README.md, docs/. Use it on public data or your own; it is not for identifying anybody."


def natural(text: str) -> int:
    """Return a whole number of zero or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of zero or more")
    return int(text)


def positive(text: str) -> int:
    """Return a count of one or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a count: give 1 or more")
    return int(text)


def count(text: str) -> int | None:
    """Return a count; None for "all"."""
    return None if text == "all" else positive(text)


def shape(text: str) -> tuple[tuple[int, ...], bool]:
    """Return an image's shape as `ImageInfo` wants it, and whether its colours are planes."""
    sides = text.lower().split("x")
    if len(sides) not in (2, 3) or not all(side.isdecimal() and int(side) for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r} is no image's shape: give HxW, HxWx3 or 3xHxW, such as 28x28")
    shape = tuple(int(side) for side in sides)
    planes = len(shape) == 3 and shape[2] != 3 and shape[0] == 3
    if len(shape) == 3 and shape[2] != 3 and not planes:
        raise argparse.ArgumentTypeError(f"{text!r} has no side of 3 colours: give HxWx3 or 3xHxW, or HxW for grey")
    return (*shape[1:], 3) if planes else shape, planes


def share(text: str) -> float:
    """Return a number between 0 and 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return value


def factor(text: str) -> float:
    """Return a finite number of one or more."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 1,000,000")
    return value


def above_zero(text: str) -> float:
    """Return a finite number above zero."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def descent(text: str) -> Descent:
    """Return the steps that ``gd:steps=100,step=.1,momentum=.9`` says."""
    shown = "give gd:steps=100,step=0.1 and with momentum ,momentum=0.9"
    method, _, said = text.partition(":")
    if method != "gd":
        raise argparse.ArgumentTypeError(f"{text!r}: gradient descent alone can be undone, {shown}")
    numbers: dict[str, float] = {}
    for part in said.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        try:
            numbers[name] = float(value)
        except ValueError:
            numbers[""] = 0.0
    if not {"steps", "step"} <= set(numbers) <= {"steps", "step", "momentum"} or numbers["steps"] % 1:
        raise argparse.ArgumentTypeError(f"{text!r} does not say the steps: {shown}")
    try:
        return Descent(numbers["step"], int(numbers["steps"]), numbers.get("momentum", 0.0))
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as everything else here does."""

    def error(self, message: str) -> NoReturn:
        """End with status 2 and one line."""
        self.exit(2, f"{escaped(f'{self.prog}: {message}; see {self.prog} --help')}\n")


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
