"""Runs the blocks of a sweep: in this process or spread by joblib, remembered on disk, in any order.

A block is a function of the problem and its rows alone, so the result does not depend on which worker ran
it, in which order, or in which run: bit-identical, as long as matrix products run on as many threads. By default heavy
blocks run many at once, each with products of one thread: as many as one product may use threads.
`joblib.parallel_config("loky", n_jobs=2)` or, with a client of a cluster, `joblib.parallel_config("dask")` around
the call spreads the blocks otherwise. Both give each worker process its share of the threads, which may move the last
bits; `inner_max_num_threads` keeps their number. A Dask worker that dies has its block run again by another.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import pickle
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed, parallel_config
from joblib.parallel import (
    LokyBackend,
    MultiprocessingBackend,
    SequentialBackend,
    ThreadingBackend,
    get_active_backend,
)
from numpy.typing import NDArray

from undelete.errors import InputError
from undelete.files import PARTIAL, write
from undelete.maths.arrays import Array, largest, namespace, to_numpy
from undelete.maths.arrays import blocks as slices
from undelete.maths.objective import Objective
from undelete.maths.threads import pools

BLOCK_NUMBERS = 16_000_000  # numbers that a block's deletions need: 128 MB in float64, wide enough for full speed
BLOCK_ROWS = 4096  # deletions in a block at most
_FEW_BLOCKS = 2  # for each thread: with fewer, threads would wait for the last one
_HASHED_ROWS = 4096  # rows of an array copied at a time
_FORMAT = "undelete.sweep/1"


@dataclass(frozen=True, eq=False)
class Block:
    """Some deletions: parameters (b, d, k), gradient norms, steps and whether certified (b,)."""

    W: Array
    gradient_norm: NDArray[np.float64]
    iterations: NDArray[np.int64]
    certified: NDArray[np.bool_]


def rows_in_block(numbers: int) -> int:
    """Return how many deletions make a block, when each holds that many numbers at a time."""
    return max(1, min(BLOCK_ROWS, BLOCK_NUMBERS // numbers))


def gradient_norms(gradient: Array, objective: Objective) -> NDArray[np.float64]:
    """Return |gradient|_inf / n of each (b, d, k), in the objective's units."""
    xp = namespace(gradient)
    shares = xp.abs(gradient) / objective.unit
    return np.array(to_numpy(largest(xp.reshape(shares, (gradient.shape[0], -1))))[:, 0] / objective.n)


Task = Callable[[NDArray[np.int64]], Block]


def run_blocks(
    task: Task,
    blocks: Sequence[NDArray[np.int64]],
    progress: Callable[[int], None],
    checkpoint: Path | None = None,
    fingerprint: str = "",
    threads: int = 1,
) -> list[Block]:
    """Return the results of all blocks, in their order.

    Parameters
    ----------
    task : callable
        From a block's rows to its result; must be picklable for other processes.
    blocks : sequence of array of int
        The rows of each block.
    progress : callable
        Called with the number of rows of each block that is done.
    checkpoint : Path, optional
        Folder where each block is written as it finishes, and read from when the sweep is started again.
    fingerprint : str
        Of the problem; a folder of another problem is refused.
    threads : int
        Blocks to run at once in this process, if joblib is not configured otherwise.

    Raises
    ------
    InputError
        When the folder holds the blocks of another problem.
    """
    results = {}
    if checkpoint is not None:
        _claim(checkpoint, fingerprint)
        found = ((i, _load(_place(checkpoint, i), len(rows))) for i, rows in enumerate(blocks))
        results = {i: block for i, block in found if block is not None}
    for i in results:
        progress(len(blocks[i]))
    missing = [i for i in range(len(blocks)) if i not in results]
    sent = _sendable(task) if missing else task
    with _side_by_side(threads if len(blocks) >= _FEW_BLOCKS * threads else 1):
        parallel = Parallel(return_as="generator_unordered")
        for i, block in parallel(delayed(_run)(_Job(sent, i, blocks[i])) for i in missing):
            if checkpoint is not None:
                _store(_place(checkpoint, i), block)
                # as a stored block has it, so that all blocks are in one array library
                block = replace(block, W=to_numpy(block.W))
            results[i] = block
            progress(len(blocks[i]))
    return [results[i] for i in range(len(blocks))]


def product_threads(like: Array) -> int:
    """Return how many threads a matrix product of NumPy arrays may use; 1 for those of another library."""
    if not isinstance(like, np.ndarray):
        return 1
    return max((pool["num_threads"] for pool in pools().info() if pool["user_api"] == "blas"), default=1)


@contextlib.contextmanager
def _side_by_side(threads: int) -> Iterator[None]:
    """Run blocks in threads with products of one thread each, unless the user has configured joblib.

    What is not a product, the exponentials above all, then uses all cores, too.
    """
    backend, jobs = get_active_backend()
    if threads == 1 or jobs is not None or not isinstance(backend, LokyBackend):  # joblib's own default
        yield
        return
    with pools().limit(limits=1, user_api="blas"), parallel_config("threading", n_jobs=threads):
        yield


@dataclass(frozen=True, eq=False)
class _Job:
    """One block to run. One object: arrays among the arguments Dask would leave on one worker, and lose with it."""

    task: Task | bytes
    i: int
    rows: NDArray[np.int64]


def _sendable(task: Task) -> Task | bytes:
    """Return the task, or for a backend that is not joblib's own, such as Dask, the task as bytes.

    Such a backend may hand arrays over where they lie in the message it received, at any address. NumPy multiplies
    those by loops of its own, slower than the library's product and with other last bits.
    """
    here = (LokyBackend, MultiprocessingBackend, SequentialBackend, ThreadingBackend)
    # before protocol 5 each array is copied into memory of its own
    return task if isinstance(get_active_backend()[0], here) else pickle.dumps(task, protocol=4)


def _run(job: _Job) -> tuple[int, Block]:
    task = job.task
    if isinstance(task, bytes):
        unpacked: Task = pickle.loads(task)  # noqa: S301 - packed by `_sendable` in this very sweep
        task = unpacked
    return job.i, task(job.rows)


def fingerprint(arrays: Sequence[Array | None], *words: object) -> str:
    """Return a digest of some arrays, their shapes and types, and words. Copies a part of an array at a time."""
    numbers = [None if array is None else to_numpy(array) for array in arrays]
    kinds = [None if array is None else [str(array.dtype), list(array.shape)] for array in numbers]
    digest = hashlib.sha256(json.dumps([kinds, [str(word) for word in words]]).encode())
    for array in numbers:
        if array is not None:
            for part in slices(len(array), _HASHED_ROWS):
                digest.update(array[part].tobytes())
    return digest.hexdigest()


def _claim(folder: Path, fingerprint: str) -> None:
    """Mark the folder as this problem's, or refuse it."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / "sweep.json"
    if mark.exists():
        try:
            found = json.loads(mark.read_text())
        except ValueError:
            found = {}
        if found != {"format": _FORMAT, "fingerprint": fingerprint}:
            raise InputError(
                f"{folder} holds the blocks of another sweep (other data, model, rows or tolerance): give an "
                "empty folder"
            )
    elif any(not path.name.endswith(PARTIAL) for path in folder.iterdir()):  # a sweep may have died before its mark
        raise InputError(f"{folder} is not empty and holds no sweep: give an empty folder for the checkpoint")
    else:
        write(mark, json.dumps({"format": _FORMAT, "fingerprint": fingerprint}))


def forget(folder: Path) -> None:
    """Remove what the sweeps of a checkpoint wrote, and nothing else; folders too, where they are empty then."""
    for inner in folder.glob("output-*"):
        for path in [*inner.glob("block-*.npz"), *inner.glob(f".undelete-*{PARTIAL}"), inner / "sweep.json"]:
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            inner.rmdir()
    with contextlib.suppress(OSError):
        folder.rmdir()


def _place(folder: Path, i: int) -> Path:
    return folder / f"block-{i:06d}.npz"


def _store(path: Path, block: Block) -> None:
    """Write a block: its models are those of private records."""
    arrays = {"gradient_norm": block.gradient_norm, "iterations": block.iterations, "certified": block.certified}
    write(path, lambda file: np.savez(file, W=to_numpy(block.W), allow_pickle=False, **arrays))


def _load(path: Path, rows: int) -> Block | None:
    """Return a stored block; None when there is none, or it is damaged, which its checksums tell."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            block = Block(stored["W"], stored["gradient_norm"], stored["iterations"], stored["certified"])
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error):
        return None
    parts = (block.W, block.gradient_norm, block.iterations, block.certified)
    return block if all(part.shape[:1] == (rows,) for part in parts) else None
