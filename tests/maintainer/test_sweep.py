"""Sweeps: stopped and resumed, spread over threads, processes and a cluster that loses a worker."""

import importlib
import json
import os
import signal

import joblib
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from tests.maintainer.test_fit import make
from undelete.errors import InputError
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maintainer.sweep import Block, fingerprint, run_blocks
from undelete.maths.objective import Objective

BLOCKS = [np.arange(start, start + 5) for start in range(0, 40, 5)]


def block(rows):
    """A block that says which rows made it."""
    rng = np.random.default_rng(rows[0])
    W = rng.normal(size=(len(rows), 3, 2)) + rows[:, None, None]
    return Block(W, rows / 7, rows + 1, rows % 2 == 0)


class Counting:
    """Runs blocks, counts them, and is interrupted in the one after `stop`."""

    def __init__(self, stop=None):
        self.calls, self.stop = [], stop

    def __call__(self, rows):
        if len(self.calls) == self.stop:
            raise KeyboardInterrupt
        self.calls.append(int(rows[0]))
        return block(rows)


def sweep(task, folder, mark="a", progress=lambda count: None):
    return run_blocks(task, BLOCKS, progress, folder, mark)


def same(found, expected):
    for left, right in zip(found, expected, strict=True):
        for name in ("W", "gradient_norm", "iterations", "certified"):
            np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
            assert getattr(left, name).dtype == getattr(right, name).dtype


EXPECTED = [block(rows) for rows in BLOCKS]


@pytest.mark.parametrize("stop", [0, 1, 3, 7])
def test_a_sweep_that_was_stopped_runs_only_what_is_missing(tmp_path, stop):
    folder = tmp_path / "new" / "folder"
    first, second, third = Counting(stop), Counting(), Counting()
    with pytest.raises(KeyboardInterrupt):
        sweep(first, folder)
    assert first.calls == [0, 5, 10, 15, 20, 25, 30, 35][:stop]
    steps = []
    same(sweep(second, folder, progress=steps.append), EXPECTED)
    assert first.calls + second.calls == [0, 5, 10, 15, 20, 25, 30, 35]
    assert steps == [5] * 8
    same(sweep(third, folder), EXPECTED)
    assert third.calls == []


def test_a_retraining_that_was_stopped_has_the_bits_of_one_that_was_not(tmp_path, monkeypatch):
    monkeypatch.setattr("undelete.maintainer.sweep.BLOCK_ROWS", 6)
    objective = make("logistic", n=500, k=2)
    W = fit(objective).W
    rows = np.random.default_rng(0).permutation(500)[:40]

    def stop(done, total):
        if done >= 50:  # in the second output
            raise KeyboardInterrupt

    whole = retrain_without(objective, W, rows)
    with pytest.raises(KeyboardInterrupt):
        retrain_without(objective, W, rows, checkpoint=tmp_path, progress=stop)
    stored = len(list(tmp_path.glob("output-*/block-*.npz")))
    assert 7 < stored < 14
    steps = []
    found = retrain_without(objective, W, rows, checkpoint=tmp_path, progress=lambda done, total: steps.append(done))
    equal(found, whole)
    assert steps == sorted(steps)
    assert steps[-1] == 80


def equal(found, expected):
    for name in ("rows", "W", "gradient_norm", "iterations", "converged", "certified"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_a_folder_of_another_problem_is_refused(tmp_path):
    sweep(Counting(), tmp_path, "a")
    message = r"holds the blocks of another sweep \(other data, model, rows or tolerance\): give an empty folder"
    with pytest.raises(InputError, match=message):
        sweep(Counting(), tmp_path, "b")
    (tmp_path / "sweep.json").write_text("{")
    with pytest.raises(InputError, match=message):
        sweep(Counting(), tmp_path, "a")


@pytest.mark.parametrize("change", ["X", "Y", "l2", "weights", "W", "rows", "tol", "certify"])
def test_what_makes_another_problem(tmp_path, change):
    objective = make("logistic", n=200)
    W, rows = fit(objective).W, np.arange(10)
    retrain_without(objective, W, rows, checkpoint=tmp_path)
    parts = dict(X=objective.X.copy(), Y=objective.Y.copy(), l2=objective.l2.copy(), weights=None)
    more = dict(tol=1e-9, certify=True)
    if change in ("X", "Y", "l2"):
        parts[change].flat[0] += 1e-12
    elif change == "weights":
        parts["weights"] = np.ones(200)
    elif change == "W":
        W = W + 1e-15
    elif change == "rows":
        rows = np.arange(1, 11)
    else:
        more[change] = {"tol": 1e-8, "certify": False}[change]
    other = Objective(parts["X"], parts["Y"], objective.loss, parts["l2"], parts["weights"])
    with pytest.raises(InputError, match="another sweep"):
        retrain_without(other, W, rows, checkpoint=tmp_path, **more)


def test_fingerprints_tell_shapes_types_and_places_apart():
    numbers = np.arange(6.0)
    variants = [
        fingerprint([numbers], "a"),
        fingerprint([numbers], "b"),
        fingerprint([numbers.reshape(2, 3)], "a"),
        fingerprint([numbers.reshape(3, 2)], "a"),
        fingerprint([numbers.view(np.int64)], "a"),
        fingerprint([numbers[:3], numbers[3:]], "a"),
        fingerprint([numbers, None], "a"),
        fingerprint([None, numbers], "a"),
    ]
    assert len(set(variants)) == len(variants)
    tall = np.random.default_rng(0).normal(size=(10_000, 3))
    assert fingerprint([np.asfortranarray(tall)]) == fingerprint([tall])


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match="is not empty and holds no sweep: give an empty folder for the checkpoint"):
        sweep(Counting(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def truncated(path):
    path.write_bytes(path.read_bytes()[:-40])


def emptied(path):
    path.write_bytes(b"")


def bit_flipped(path):
    content = bytearray(path.read_bytes())
    content[200] ^= 1  # in W's numbers: the archive's checksum tells
    path.write_bytes(bytes(content))


def of_other_rows(path):
    with np.load(path) as stored:
        parts = {name: stored[name][:2] for name in stored.files}
    np.savez(path, **parts)


def without_a_part(path):
    with np.load(path) as stored:
        parts = {name: stored[name] for name in stored.files if name != "certified"}
    np.savez(path, **parts)


def no_archive(path):
    path.write_bytes(b"\x80\x05 not numbers")


@pytest.mark.parametrize("damage", [truncated, emptied, bit_flipped, of_other_rows, without_a_part, no_archive])
def test_a_damaged_block_is_run_again(tmp_path, damage):
    sweep(Counting(), tmp_path)
    damage(tmp_path / "block-000002.npz")
    again = Counting()
    same(sweep(again, tmp_path), EXPECTED)
    assert again.calls == [10]
    same(sweep(Counting(0), tmp_path), EXPECTED)  # and is whole now


def test_what_a_killed_sweep_left_half_written_is_never_used(tmp_path):
    (tmp_path / ".sweep.123.partial").write_text('{"format"')  # killed before it had claimed the folder
    with pytest.raises(KeyboardInterrupt):
        sweep(Counting(2), tmp_path)
    whole = (tmp_path / "block-000000.npz").read_bytes()
    (tmp_path / ".block-000002.npz.123.partial").write_bytes(whole)
    again = Counting()
    same(sweep(again, tmp_path), EXPECTED)
    assert again.calls == [10, 15, 20, 25, 30, 35]
    assert json.loads((tmp_path / "sweep.json").read_text())["fingerprint"] == "a"


def test_nothing_unpickles(tmp_path):
    sweep(Counting(), tmp_path)
    np.savez(tmp_path / "block-000001.npz", W=np.array([{}], dtype=object))
    again = Counting()
    same(sweep(again, tmp_path), EXPECTED)
    assert again.calls == [5]


def test_a_resumed_sweep_stays_in_its_array_library(tmp_path, xp, monkeypatch):
    monkeypatch.setattr("undelete.maintainer.sweep.BLOCK_ROWS", 3)
    plain = make("logistic", n=100)
    W = fit(plain).W
    objective = Objective(xp.asarray(plain.X), xp.asarray(plain.Y), plain.loss, xp.asarray(plain.l2))
    rows = np.arange(9)
    whole = retrain_without(objective, xp.asarray(W), rows, checkpoint=tmp_path)
    (tmp_path / "output-0" / "block-000001.npz").unlink()
    found = retrain_without(objective, xp.asarray(W), rows, checkpoint=tmp_path)
    assert type(found.W) is type(whole.W) is type(objective.X)
    np.testing.assert_array_equal(np.asarray(found.W), np.asarray(whole.W))


def threads():
    """Threads of the matrix products in this process."""
    return max(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")


@pytest.mark.parametrize("backend", ["default", "loky", "threading"])
@pytest.mark.parametrize("name", ["squared", "logistic", "squared_hinge", "softmax"])
def test_every_backend_gives_the_same_bits(name, backend, monkeypatch):
    monkeypatch.setattr("undelete.maintainer.sweep.BLOCK_ROWS", 5)
    objective, before = make(name, n=2000, d=8, k=2), threads()
    W = fit(objective).W
    rows = np.random.default_rng(0).permutation(2000)[:40]
    steps = []

    def progress(done, total):
        steps.append((done, total))

    with threadpool_limits(1):
        expected = retrain_without(objective, W, rows, certify=False)
        if backend != "default":
            inner = {"inner_max_num_threads": 1} if backend == "loky" else {}
            with joblib.parallel_config(backend, n_jobs=2, **inner):
                found = retrain_without(objective, W, rows, certify=False, progress=progress)
    if backend == "default":
        monkeypatch.setattr("undelete.maintainer.leave_one_out.product_threads", lambda W: 2)
        found = retrain_without(objective, W, rows, certify=False, progress=progress)
        assert threads() == before
    equal(found, expected)
    done = [step[0] for step in steps]
    assert done == sorted(set(done))  # forward only, whichever block ends first
    assert steps[-1][0] == steps[-1][1]


def test_an_error_in_a_worker_is_the_caller_s(monkeypatch):
    objective = make("logistic", n=60, l2=0.0)
    X = np.c_[np.zeros(60), objective.X]
    X[17, 0] = 1.0
    objective = Objective(X, objective.Y, objective.loss, np.zeros(6))
    W = fit(objective, max_iterations=3).W
    monkeypatch.setattr("undelete.maintainer.sweep.BLOCK_ROWS", 10)
    with (
        joblib.parallel_config("loky", n_jobs=2),
        pytest.raises(InputError, match="record 17 has leverage 1"),
    ):
        retrain_without(objective, W, np.arange(60))


@pytest.fixture
def cluster():
    """Two worker processes of one thread each, on this machine alone."""
    distributed = pytest.importorskip("distributed")
    importlib.import_module("dask").config.set(
        {"distributed.comm.timeouts.connect": "20s", "distributed.scheduler.allowed-failures": 5}
    )
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            memory_limit=0,
        ) as found,
        distributed.Client(found),
    ):
        yield found


@pytest.mark.filterwarnings("default")  # the cluster's own, about a worker that is gone
def test_a_dask_cluster_that_loses_a_worker_ends_with_the_same_bits(cluster, monkeypatch, tmp_path):
    monkeypatch.setattr("undelete.maintainer.sweep.BLOCK_ROWS", 200)  # a block's rows take more than 1 kB
    objective = make("logistic", n=4000, d=8)
    W = fit(objective).W
    rows = np.arange(4000)
    killed, steps = [], []

    def kill_one(done, total):
        steps.append(done)
        if len(steps) == 3:
            pid = cluster.workers[0].pid
            os.kill(pid, signal.SIGKILL)
            killed.append((pid, done))

    with threadpool_limits(1):
        expected = retrain_without(objective, W, rows, certify=False)
        with joblib.parallel_config("dask"):
            found = retrain_without(objective, W, rows, certify=False, progress=kill_one, checkpoint=tmp_path)
    equal(found, expected)
    assert killed
    assert killed[0][1] < 4000  # there was work left
    assert cluster.workers[0].pid != killed[0][0]  # its process is another now, or none
    assert steps == list(range(200, 4001, 200))
    assert found.converged.all()
