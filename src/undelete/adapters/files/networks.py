"""A network's file: parameters as .safetensors, what torch.save wrote, and the architecture that the user names.

Parameters as .safetensors run no code when read. An architecture is code: `FILE.py:FUNCTION` runs the file, which is
why whoever calls has to name it. So is what torch.save and torch.export write, which is read on trust alone.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from undelete.errors import InputError
from undelete.files import write
from undelete.maths.network import torch

Architecture: TypeAlias = "str | Callable[[], Any]"


_SAVED = (".pt", ".pth", ".bin", ".ckpt")  # by torch.save
_PROGRAM = ".pt2"  # by torch.export.save
_PLAIN = ".safetensors"
_STATES = ("state_dict", "model_state_dict", "model", "module", "net")  # where a checkpoint keeps the parameters
_STATE = "safetensors.torch.save_file(module.state_dict(), PATH)"


def is_network_file(model: Any) -> bool:
    """Return whether a model is a path to a network, by its name."""
    return isinstance(model, str | os.PathLike) and Path(model).suffix.lower() in (_PLAIN, *_SAVED, _PROGRAM)


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


def load_network(path: str | os.PathLike[str], architecture: Architecture | None = None, *, trust: bool = False) -> Any:
    """Return a network's module, with its parameters in the precision that they are stored in.

    Parameters
    ----------
    path : path
        .safetensors: as safetensors' ``save_file(module.state_dict(), path)`` writes it. .pt, .pth, .bin, .ckpt, only
        with `trust`: what ``torch.save`` wrote, a module, its state_dict, or a checkpoint that has one. .pt2, likewise:
        a program of ``torch.export.save``.
    architecture : str or callable
        ``FILE.py:FUNCTION``, or a function without arguments that returns a module; of files that hold parameters.
    trust : bool
        Allow files that run code when they are read.

    Raises
    ------
    InputError
        When the file is missing or damaged, holds no network, or does not belong to the architecture.
    """
    file = Path(path)
    if file.is_dir():
        raise InputError(f"{file} is a folder: give the network's file in it")
    if not file.exists():
        raise InputError(f"there is no file {file}: check the path")
    if file.suffix.lower() == _PLAIN:
        state: Mapping[str, Any] = {} if architecture is None else _read(file)
    elif not trust:
        raise InputError(
            f"{file} can run code when it is read: give --trust (trust=True) if it is your own, or save the "
            f"parameters as .safetensors ({_STATE}) and give the architecture"
        )
    else:
        found = _unpickled(file)
        if isinstance(found, torch().nn.Module) or not isinstance(found, Mapping):
            return found
        state = _state(found, file)
    if architecture is None:
        raise InputError(
            f"{path} holds a network's parameters only: give its architecture (architecture=, --architecture) as "
            "FILE.py:FUNCTION, a function that returns the module"
        )
    module = _made(architecture)
    try:
        module.load_state_dict(_named_alike(state, module), assign=True)
    except (RuntimeError, ValueError, TypeError) as error:
        why = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} does not belong to this architecture ({why}): give the one it was saved from"
        ) from error
    return module


def _made(architecture: Architecture) -> Any:
    """Return a module of an architecture."""
    make = named_function(architecture, "architecture") if isinstance(architecture, str) else architecture
    try:
        module = make()
    except Exception as error:  # the user's own code, as above
        raise InputError(
            f"the architecture cannot be made ({_first(error)}): its function takes no arguments"
        ) from error
    if not isinstance(module, torch().nn.Module):
        raise InputError(f"the architecture's function returned a {type(module).__name__}, not a torch module")
    return module


def _named_alike(state: Mapping[str, Any], module: Any) -> Mapping[str, Any]:
    """Return parameters by the module's names, where all have one more in front: of what it was wrapped in."""
    own = set(module.state_dict())
    if not own or own & set(state):
        return state
    first = min(own)
    for name in state:
        before = name.removesuffix(first)
        if name.endswith(f".{first}") and {before + one for one in own} == set(state):
            return {one: state[before + one] for one in own}
    return state


def _unpickled(file: Path) -> Any:
    """Return what torch saved in a file that is trusted, brought to the processor: a module, or what else there is."""
    library = torch("it is a file of torch's")
    try:
        if file.suffix.lower() == _PROGRAM:
            return library.export.load(file)
        found = library.load(file, map_location="cpu", weights_only=False)
    except Exception as error:  # unpickling can end in anything
        raise InputError(
            f"{file} cannot be read by torch ({_first(error)}): save the parameters as .safetensors ({_STATE}) and "
            "give the architecture"
        ) from error
    if isinstance(found, library.nn.Module | Mapping):
        return found
    raise InputError(f"{file} holds a {type(found).__name__}, and no network: save the module or its state_dict")


def _state(found: Mapping[str, Any], file: Path) -> Mapping[str, Any]:
    """Return the parameters among what a checkpoint holds."""
    tensor = torch().Tensor
    for one in (found, *(found[name] for name in _STATES if name in found)):
        if isinstance(one, Mapping) and one and all(isinstance(value, tensor) for value in one.values()):
            return one
    names = ", ".join(map(str, list(found)[:5])) or "nothing"
    raise InputError(f"{file} holds {names}, and no parameters by name: save module.state_dict()")


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
    try:
        found: dict[str, Any] = load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{file} is not a .safetensors file, or damaged ({_first(error)}): save it again") from error
    return found


def _first(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200] or type(error).__name__
