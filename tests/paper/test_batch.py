"""`undelete reproduce all` and `list`: what is finished stays, what fails does not stop the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from undelete.cli import main
from undelete.command import reproduction
from undelete.command.child import Child
from undelete.command.ending import Terminal
from undelete.data import images
from undelete.environment import environment
from undelete.lab.models import LEAST_SQUARES
from undelete.lab.samples import states
from undelete.paper import batch, experiments
from undelete.paper import side_by_side as parallel
from undelete.paper.batch import Asked, Batch, duration, order
from undelete.paper.experiments import EXPERIMENTS, Experiment
from undelete.paper.figure import Figure, reproduce
from undelete.paper.finished import finished, made
from undelete.paper.side_by_side import SideBySide

FEW = {name: EXPERIMENTS[name] for name in ("fig10", "fig8", "fig6")}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Three experiments, and no images wherever they are looked for."""
    monkeypatch.setattr(batch, "EXPERIMENTS", FEW)
    monkeypatch.setattr(images, "default_folder", lambda: tmp_path / "nowhere")
    monkeypatch.delenv("UNDELETE_DATA", raising=False)


def test_all_goes_on_and_is_resumed(
    few: None, data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the second one broke")

    one_panel = Figure(
        "fig10", "one panel", "of Figure 10", (LEAST_SQUARES,), lambda folder, _: (states(folder)[:1], [])
    )
    monkeypatch.setattr("undelete.paper.tabular.EXPERIMENTS", {"fig10": partial(reproduce, one_panel), "fig6": broken})
    asked = ["reproduce", "all", "--data", str(data_dir), "--out", str(tmp_path), "--deletions", "3"]
    assert main(asked) == 3
    said = capsys.readouterr()
    assert "missing: no cifar10.npz in" in said.out
    assert "download it with undelete data cifar10" in said.out
    assert "fig8: without data, left out, see above" in said.out
    assert "fig6: failed, see stderr; the others go on" in said.out
    assert "the second one broke" in said.err
    assert "Traceback" not in said.err
    assert "fig10: done, in " in said.out
    assert said.out.rstrip().endswith("3 experiments: 1 done, 1 failed, 1 without data")
    made = json.loads((tmp_path / "fig10.json").read_text())["made"]
    assert made["options"] == {"deletions": 3, "seed": 0}
    assert made["data"] == {file.name: file.stat().st_size for file in (data_dir / "2018" / "1-Year").iterdir()}
    assert made["files"] == ["fig10.json", "fig10.png", "fig10.svg"]

    monkeypatch.setattr("undelete.paper.tabular.EXPERIMENTS", {"fig10": broken, "fig6": broken})
    assert main(asked) == 3
    assert "fig10: kept, finished before with these options" in capsys.readouterr().out
    (tmp_path / "fig10.svg").unlink()
    main(asked)
    assert "fig10: failed" in capsys.readouterr().out  # played again, since a file of it is gone


@pytest.mark.parametrize("changed", ["deletions", "data", "code", "versions"])
def test_what_was_made_otherwise_is_not_kept(
    changed: str, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, options = FEW["fig10"], {"deletions": 3, "seed": 0}
    (tmp_path / "fig10.json").write_text("{}")
    result = {"schema": "undelete.paper/1", "environment": environment(), "made": None}
    result["made"] = made(one, options, data_dir, tmp_path)
    if changed == "deletions":
        result["made"]["options"] = options | {"deletions": 4}
    elif changed == "data":
        result["made"]["data"]["psam_p06.csv"] += 1
    elif changed == "code":
        result["made"]["code"] = "another"
    else:
        result["environment"]["numpy"] = "1.0"
    (tmp_path / "fig10.json").write_text(json.dumps(result))
    assert finished(one, options, data_dir, tmp_path) is None
    if changed == "deletions":
        assert finished(one, options | {"deletions": 4}, data_dir, tmp_path) == result


@dataclass
class Played:
    """An experiment that a clock ends."""

    name: str
    log: list[str]
    looks: int = 2

    def status(self) -> int | None:
        self.looks -= 1
        if self.looks:
            return None
        self.log.append(f"-{self.name}")
        return 3 if self.name == "fig1" else 0

    def stop(self) -> None:
        self.log.append(f"!{self.name}")


def side_by_side(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, start: Callable[[Experiment], Played]) -> SideBySide:
    some = {name: EXPERIMENTS[name] for name in ("fig1", "fig5", "fig3", "fig2", "fig8")}
    for module in (batch, parallel):
        monkeypatch.setattr(module, "EXPERIMENTS", some)
    monkeypatch.setattr(parallel, "_PAUSE", 0.0)
    monkeypatch.setattr(batch, "missing", lambda *_: [])
    return SideBySide(Asked(None, tmp_path, 20), start, lambda _: None, 2)


def test_side_by_side_no_two_of_the_same_images_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log: list[str] = []

    def start(one: Experiment) -> Played:
        log.append(f"+{one.name}")
        return Played(one.name, log)

    runner = side_by_side(monkeypatch, tmp_path, start)
    assert runner.all() == 3
    assert runner.ends == {"fig1": "failed"} | dict.fromkeys(("fig5", "fig3", "fig2", "fig8"), "done")
    running: set[str] = set()
    most = 0
    for line in log:
        running = running | {line[1:]} if line[0] == "+" else running - {line[1:]}
        assert len(running & {"fig3", "fig2", "fig8"}) <= 1
        most = max(most, len(running))
    assert most == 2
    assert log.index("-fig3") < log.index("+fig2")
    assert runner.together({"fig3": 100.0, "fig2": 50.0, "fig1": 10.0}) == 150.0
    assert runner.together({"fig3": 100.0, "fig1": 140.0}) == 120.0


def test_side_by_side_ends_what_runs_when_it_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log: list[str] = []

    def start(one: Experiment) -> Played:
        if one.name == "fig1":
            raise KeyboardInterrupt
        return Played(one.name, log, 100)

    with pytest.raises(KeyboardInterrupt):
        side_by_side(monkeypatch, tmp_path, start).all()
    (ended,) = log
    assert ended[0] == "!"


def test_an_experiment_in_a_process_says_how_it_ended(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = Asked(tmp_path / "nothing", tmp_path, 3)
    child = Child(EXPERIMENTS["fig10"], asked, 2, Terminal())
    child.process.wait()
    assert child.status() == 2
    said = capsys.readouterr().err
    assert said.startswith("undelete: ")
    assert "Traceback" not in said
    stopped = Child(EXPERIMENTS["fig10"], Asked(data_dir, tmp_path, 3), 2, Terminal())
    stopped.stop()
    assert stopped.process.returncode is not None


def test_time_left_follows_the_machine() -> None:
    asked = Asked(None, Path("nowhere"), 100)
    steps = Batch(asked, lambda _: None, lambda _: None, lambda _: 3)
    waiting = [Experiment("fig10", "tabular", needs=("torch",), seconds=(100, 2))]
    assert steps.left(waiting) == pytest.approx(300)
    steps._worked, steps._foretold = 400.0, 100.0
    assert steps.left(waiting) == pytest.approx(1200)


def test_figures_of_the_same_models_come_after_them() -> None:
    names = [one.name for one in order(Asked(None, Path("nowhere")))]
    assert sorted(names) == sorted(experiments.EXPERIMENTS)
    untimed = [one.name for one in experiments.EXPERIMENTS.values() if one.seconds == (0, 0)]
    assert set(names[len(names) - len(untimed) :]) == set(untimed)
    timed = [one for one in experiments.EXPERIMENTS.values() if one.name not in untimed]
    assert names[0] == min(timed, key=lambda one: one.expected(one.deletions)).name
    for one in experiments.EXPERIMENTS.values():
        if one.within:
            assert names.index(one.within) < names.index(one.name)


def test_all_at_once_plays_the_same_share_of_each() -> None:
    asked = Asked(None, Path("nowhere"), 20, together=True)
    assert [asked.count(EXPERIMENTS[name]) for name in ("fig5", "mlp", "conditions")] == [20, 5, 4]
    assert Asked(None, Path("nowhere"), 20).count(EXPERIMENTS["mlp"]) == 20
    assert Asked(None, Path("nowhere"), 400, together=True).count(EXPERIMENTS["mlp"]) == 42
    one = Experiment("fig3", "image_figures", "images", seconds=(900, 40), trial=140)
    assert (one.expected(20), one.expected(50), one.expected(100)) == (140, 2900, 4900)
    few = Experiment("mlp", "networks", most=42, seconds=(60, 10), trial=30)
    assert (few.expected(20), few.expected(21), few.expected(None)) == (30, 270, 480)


def test_the_list_says_what_each_needs(few: None, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "list", "--data", str(data_dir), "--deletions", "100"]) == 0
    said = capsys.readouterr().out
    assert all(one.name in said and one.part in said for one in EXPERIMENTS.values())
    assert max(map(len, said.split("\n\n")[0].splitlines())) <= 80
    assert "missing: CIFAR-10: no cifar10.npz in" in said
    assert "missing: ACS:" not in said
    assert f"{duration(EXPERIMENTS['fig3'].expected(100))}" in said
    assert EXPERIMENTS["fig3"].expected(None) > EXPERIMENTS["fig3"].expected(200) > EXPERIMENTS["fig2"].expected(200)


def test_all_stands_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["reproduce", "all", "fig5", "--out", str(tmp_path)]) == 2
    assert "leave out the other names" in capsys.readouterr().err
    assert reproduction.ALL not in EXPERIMENTS
