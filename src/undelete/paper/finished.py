"""Which experiments are finished: what a result was made with, and whether that is what is asked for now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undelete.environment import environment
from undelete.lab.files import SCHEMA
from undelete.lab.kept import code_of
from undelete.paper.needs import sizes

if TYPE_CHECKING:
    from undelete.lab.steps import Folder
    from undelete.paper.experiments import Experiment

_ANYWHERE = "platform"  # of the environment: another kernel does not make another result


def made(experiment: Experiment, options: dict[str, Any], data_dir: Folder | None, folder: Path) -> dict[str, Any]:
    """Return what a result is made with: options, files of data by their bytes, code, and the files it leaves."""
    taken = (*experiment.wants, "acs_us") if experiment.data == "tables" else experiment.wants  # where it is at hand
    files = sorted(place.name for place in folder.glob(f"{experiment.name}.*"))
    return {"options": options, "data": sizes(taken, data_dir), "code": code_of(experiment.source), "files": files}


def finished(
    experiment: Experiment, options: dict[str, Any], data_dir: Folder | None, folder: Path
) -> dict[str, Any] | None:
    """Return the result that a folder holds, if it was made whole with these options, data, code and packages."""
    try:
        result: dict[str, Any] = json.loads((folder / f"{experiment.name}.json").read_text(encoding="utf-8"))
        was, around, schema = dict(result["made"]), dict(result["environment"]), result["schema"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    now = made(experiment, options, data_dir, folder)
    same = all(was.get(name) == now[name] for name in now) and _packages(around) == _packages(environment())
    return result if same and schema == SCHEMA else None


def _packages(versions: dict[str, str]) -> dict[str, str]:
    return {name: version for name, version in versions.items() if name != _ANYWHERE}
