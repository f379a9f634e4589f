"""A network's parameters from a .safetensors file, and its architecture from a function that the user names.

Parameters in that form run no code when read. An architecture is code: `FILE.py:FUNCTION` runs the file, which is why
whoever calls has to name it.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from undelete.errors import InputError
from undelete.files import write
from undelete.maths.network import torch

Architecture: TypeAlias = "str | Callable[[], Any]"


def is_parameters(model: Any) -> bool:
    """Return whether a model is a path to a network's parameters, by its name."""
    return isinstance(model, str | os.PathLike) and Path(model).suffix.lower() == ".safetensors"


def named_function(said: str, what: str) -> Callable[..., Any]:
    """Return the function that ``FILE.py:FUNCTION`` names; the file is run.

    Parameters
    ----------
    said : str
        The file and the function in it.
    what : str
        What it is for, for messages.

    Raises
    ------
    InputError
        When there is no such file or function, or the file does not run.
    """
    place, _, name = said.rpartition(":")
    file = Path(place)
    if not place or file.suffix != ".py" or not name.isidentifier():
        raise InputError(f"{what} is {said!r}: give it as FILE.py:FUNCTION, a file of your own and a function in it")
    if not file.is_file():
        raise InputError(f"there is no file {place}, which {what} names: check the path")
    spec = importlib.util.spec_from_file_location(f"_undelete_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # or dataclasses in it would not find themselves
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # the user's own code can end in anything
        raise InputError(f"{place} does not run ({_first(error)}): {what} names it") from error
    found = getattr(module, name, None)
    if not callable(found):
        raise InputError(f"{place} has no function {name!r}, which {what} names")
    return found  # type: ignore[no-any-return]


def load_network(path: str | os.PathLike[str], architecture: Architecture | None) -> Any:
    """Return a module with the parameters of a .safetensors file, in the precision that they are stored in.

    Parameters
    ----------
    path : path
        As safetensors' ``save_file(module.state_dict(), path)`` writes it.
    architecture : str or callable
        ``FILE.py:FUNCTION``, or a function without arguments that returns a module.

    Raises
    ------
    InputError
        When the file is missing or damaged, or does not belong to the architecture.
    """
    if architecture is None:
        raise InputError(
            f"{path} holds a network's parameters only: give its architecture (architecture=, --architecture) as "
            "FILE.py:FUNCTION, a function that returns the module"
        )
    library = torch()
    make = named_function(architecture, "architecture") if isinstance(architecture, str) else architecture
    try:
        module = make()
    except Exception as error:  # likewise
        raise InputError(
            f"the architecture cannot be made ({_first(error)}): its function takes no arguments"
        ) from error
    if not isinstance(module, library.nn.Module):
        raise InputError(f"the architecture's function returned a {type(module).__name__}, not a torch module")
    state = _read(Path(path))
    try:
        module.load_state_dict(state, assign=True)
    except (RuntimeError, ValueError, TypeError) as error:
        why = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} does not belong to this architecture ({why}): give the one it was saved from"
        ) from error
    return module


def save_network(module: Any, path: str | os.PathLike[str]) -> None:
    """Write a module's parameters as .safetensors, in the precision that it has them in.

    Raises
    ------
    InputError
        When the name does not end so, or the place cannot be written to.
    """
    file = Path(path)
    if file.suffix.lower() != ".safetensors":
        raise InputError(f"{path} must end in .safetensors: that is how a network's parameters are saved")
    try:
        from safetensors.torch import save
    except ImportError as error:
        raise InputError(
            "writing .safetensors needs the package safetensors: install undelete with its extra torch"
        ) from error
    state = {name: value.detach().cpu().contiguous().clone() for name, value in module.state_dict().items()}
    try:
        write(file, save(state), private=False)
    except OSError as error:
        raise InputError(f"{file} cannot be written ({error.strerror}): choose another place") from error


def _read(file: Path) -> dict[str, Any]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise InputError(
            "reading .safetensors needs the package safetensors: install undelete with its extra torch"
        ) from error
    if file.is_dir():
        raise InputError(f"{file} is a folder: give the parameters' file in it")
    if not file.exists():
        raise InputError(f"there is no file {file}: check the path")
    try:
        found: dict[str, Any] = load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{file} is not a .safetensors file, or damaged ({_first(error)}): save it again") from error
    return found


def _first(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200] or type(error).__name__
