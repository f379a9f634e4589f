"""Hostile files: whole ones with bytes changed at random, and small ones made to hang, to fill memory, or to deceive.

`python -m tests.hostile` tries all of them and prints the table of docs/hardening.md.
"""

from __future__ import annotations

import gzip
import io
import json
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

import undelete
from undelete.adapters.files.files import load_model
from undelete.adapters.model import LinearModel
from undelete.adapters.sklearn.pipeline import from_sklearn
from undelete.data import read_table
from undelete.errors import InputError

MUTATIONS = 300  # a format
FORMATS = (".skops", ".npz", ".json", ".csv", ".csv.gz", ".parquet")
LONGEST = 10.0  # seconds until a hostile file is refused, on a busy machine
TABLE = pd.DataFrame(
    {"age": np.arange(60) % 31, "town": ["Gary", "Elmira", "Fargo"] * 20, "pay": np.linspace(1, 2, 60) ** 3}
)


def whole(folder: Path) -> dict[str, Path]:
    """Write a good file of each format."""
    steps = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["town"]))
    model = make_pipeline(steps, PolynomialFeatures(2), Ridge()).fit(TABLE[["age", "town"]], TABLE["pay"])
    plain = LinearModel([[1.0, 2.0, 0.5]], [0.1], "squared", ["age", "age^2", "town=Gary"], n=60, l2=1.0)
    places = {suffix: folder / f"whole{suffix}" for suffix in FORMATS}
    undelete.save_model(model, places[".skops"])
    for suffix in (".npz", ".json"):
        undelete.save_model(plain, places[suffix])
    TABLE.to_csv(places[".csv"], index=False)
    TABLE.to_csv(places[".csv.gz"], index=False)
    TABLE.to_parquet(places[".parquet"])
    return places


def mutations(content: bytes, count: int, rng: np.random.Generator) -> Iterator[bytes]:
    """Yield so many changed copies: bits and bytes, cuts, repeats, and numbers made large."""
    for i in range(count):
        changed = bytearray(content)
        at = int(rng.integers(len(changed)))
        kind = i % 6
        if kind == 0:
            changed[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            for place in rng.integers(len(changed), size=8):
                changed[place] = int(rng.integers(256))
        elif kind == 2:
            del changed[at:]
        elif kind == 3:
            del changed[at : at + int(rng.integers(1, 64))]
        elif kind == 4:
            changed[at:at] = changed[at : at + int(rng.integers(1, 64))]
        else:
            changed[at : at + 4] = bytes([[0, 127, 128, 255][int(rng.integers(4))]] * 4)
        yield bytes(changed)


def inside(suffix: str, content: bytes, count: int, rng: np.random.Generator) -> Iterator[bytes]:
    """Yield copies changed before they were packed, so that no checksum tells: what an attacker would write."""
    if suffix == ".csv.gz":
        for changed in mutations(gzip.decompress(content), count, rng):
            yield gzip.compress(changed, 1)
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    changes = {name: mutations(part, count, rng) for name, part in parts.items()}
    names = sorted(parts, key=lambda name: -len(parts[name]))
    for i in range(count):
        name = names[0] if i % 2 else names[int(rng.integers(len(names)))]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for part, old in parts.items():
                archive.writestr(part, next(changes[part]) if part == name else old)
        yield packed.getvalue()


def use(file: Path) -> str:
    """Read a file as a command would, and return "read" or "refused"; any other error is a fault."""
    try:
        if file.suffix in (".skops", ".npz", ".json"):
            model = load_model(file)
            if not isinstance(model, LinearModel):
                from_sklearn(model, TABLE if hasattr(model, "feature_names_in_") else None, "pay")
        else:
            read_table(file)
    except InputError as error:
        return "refused" if "\n" not in str(error) else "refused in more than one line"
    return "read"


def fuzz(folder: Path, suffix: str, seed: int = 0, count: int = MUTATIONS) -> Counter[str]:
    """Return how many mutations were read and refused, and how many seconds the slowest took."""
    content, file = whole(folder)[suffix].read_bytes(), folder / f"changed{suffix}"
    found: Counter[str] = Counter()
    rng = np.random.default_rng(seed)
    packed = suffix in (".skops", ".npz", ".csv.gz")
    changes = [mutations(content, count // 2 if packed else count, rng)]
    if packed:
        changes.append(inside(suffix, content, count - count // 2, rng))
    for changed in chain.from_iterable(changes):
        file.write_bytes(changed)
        start = time.process_time()
        try:
            found[use(file)] += 1
        except Exception as error:
            raise AssertionError(f"{suffix}: {type(error).__name__}: {error}") from error
        found["slowest"] = max(found["slowest"], int(1000 * (time.process_time() - start)))
    return found


def _npz(file: Path, **entries: np.ndarray) -> None:
    good = {"coef": np.ones((1, 1)), "loss": np.array("squared"), "feature_names": np.array(["age"])}
    np.savez_compressed(file, **{**good, **entries})


def _npy(shape: tuple[int, ...], descr: str) -> bytes:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": descr, "fortran_order": False, "shape": shape})
    return head.getvalue()


def _empty_names(file: Path) -> None:
    _npz(file)
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["feature_names.npy"] = _npy((300_000_000,), "<U0")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def _zeros(file: Path) -> None:
    _npz(file, coef=np.zeros((1, 40_000_000)))


def _member_twice(file: Path) -> None:
    import warnings

    _npz(file)
    with zipfile.ZipFile(file, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("coef.npy", _npy((1, 1), "<f8") + bytes(8))


def _many_names(file: Path, extra: str = "") -> None:
    names = [f"x{j}" for j in range(40_000)]
    _json(file, coef=[[1.0] * len(names)], feature_names=[*names[:-1], extra or names[-1]])


def _json(file: Path, **entries: object) -> None:
    file.write_text(json.dumps({"coef": [[1.0]], "loss": "squared", "feature_names": ["age"], **entries}))


def _long_name(file: Path) -> None:
    _json(file, feature_names=["*".join(f"x{j}" for j in range(100_000))])


def _keys_twice(file: Path) -> None:
    keys = "".join(f'"k{j}": 1, ' for j in range(40))
    file.write_text("{" + keys + '"coef": [[1.0]], "loss": "squared", "feature_names": ["age"], "coef": [[2.0]]}')


def _deep(file: Path) -> None:
    file.write_text('{"coef": ' + "[" * 100_000 + "]" * 100_000 + "}")


def _high_degree(file: Path, degree: int, columns: int) -> None:
    X = np.random.default_rng(0).uniform(-1, 1, size=(30, columns))
    if columns == 1:  # a whole one: as many coefficients as features
        return undelete.save_model(
            make_pipeline(StandardScaler(), PolynomialFeatures(degree), Ridge()).fit(X, X[:, 0]), file
        )
    model = make_pipeline(StandardScaler(), PolynomialFeatures(1), Ridge()).fit(X, X[:, 0])
    model.steps[1][1].degree = model.steps[1][1]._max_degree = degree
    undelete.save_model(model, file)


def _nested(file: Path) -> None:
    model: object = StandardScaler().fit(TABLE[["age"]])
    for _ in range(14):
        model = Pipeline([("inner", model)])
    undelete.save_model(Pipeline([("steps", model), ("last", Ridge().fit(TABLE[["age"]], TABLE["pay"]))]), file)


def _sums(file: Path) -> None:
    """Products of sums of products: a few features, ever longer polynomials."""
    X = np.random.default_rng(0).normal(size=(60, 3))
    steps = [part for _ in range(3) for part in (StandardScaler(), PolynomialFeatures(2))]
    undelete.save_model(make_pipeline(*steps, Ridge()).fit(X, X[:, 0]), file)


def _words(file: Path) -> None:
    word = pa.DictionaryArray.from_arrays(pa.array(np.zeros(40_000, np.int32)), pa.array(["x" * 1_000_000]))
    pq.write_table(pa.table({"town": word}), file, compression="zstd")


def _gzip_bomb(file: Path) -> None:
    with gzip.open(file, "wb", compresslevel=9) as out:
        out.write(b"age\n")
        for _ in range(100):
            out.write(b"1\n" * 1_000_000)


def _lists(file: Path) -> None:
    pq.write_table(pa.table({"age": pa.array([[1, 2], [3]])}), file)


def _broken_notes(file: Path) -> None:
    table = pa.Table.from_pandas(TABLE)
    pq.write_table(
        table.replace_schema_metadata({b"pandas": b'{"index_columns": [{"kind": "range"}], "columns": 7}'}), file
    )


# name, ending, how it is written, what must come of it
CRAFTED: tuple[tuple[str, str, Callable[[Path], None], str], ...] = (
    ("300 million names without a letter", ".npz", _empty_names, "refused"),
    ("40 million zeros in 300 kB", ".npz", _zeros, "refused"),
    ("a part of an archive twice", ".npz", _member_twice, "refused"),
    ("40,000 feature names", ".json", _many_names, "read"),
    ("40,000 feature names, one twice", ".json", lambda file: _many_names(file, "x7"), "refused"),
    ("one name of 100,000 factors", ".json", _long_name, "refused"),
    ("a key twice among 44", ".json", _keys_twice, "refused"),
    ("100,000 brackets", ".json", _deep, "refused"),
    ("n of 1e155", ".json", lambda file: _json(file, n=1e155), "refused"),
    ("n of 400 digits", ".json", lambda file: file.write_text(
        '{"coef": [[1]], "loss": "squared", "feature_names": ["a"], "n": ' + "9" * 400 + "}"), "refused"),
    ("n of -1", ".json", lambda file: _json(file, n=-1), "refused"),
    ("l2 of 1e308", ".json", lambda file: _json(file, l2=1e308), "refused"),
    ("degree 400 of one column", ".skops", lambda file: _high_degree(file, 400, 1), "refused"),
    ("degree 14 of 12 columns", ".skops", lambda file: _high_degree(file, 14, 12), "refused"),
    ("degree 100,000,000", ".skops", lambda file: _high_degree(file, 10**8, 3), "refused"),
    ("14 nested Pipelines", ".skops", _nested, "refused"),
    ("products of products of products", ".skops", _sums, "read"),
    ("40 GB of text in 600 bytes", ".parquet", _words, "refused"),
    ("lists in a column", ".parquet", _lists, "refused"),
    ("pandas' notes broken", ".parquet", _broken_notes, "read"),
    ("200 MB in 200 kB", ".csv.gz", _gzip_bomb, "refused"),
)  # fmt: skip


def crafted(folder: Path, name: str) -> tuple[str, float]:
    """Write one of the crafted files and return what came of it, and after how many seconds."""
    _, suffix, write, _ = next(entry for entry in CRAFTED if entry[0] == name)
    file = folder / f"crafted{suffix}"
    write(file)
    start = time.process_time()
    return use(file), time.process_time() - start


def tables(folder: Path) -> str:
    """Return what came of everything, as the tables of docs/hardening.md."""
    lines = [f"| {MUTATIONS} mutations of | read | refused | slowest |", "|---|---|---|---|"]
    for suffix in FORMATS:
        found = fuzz(folder, suffix)
        slowest = max(0.1, found["slowest"] / 1000)
        lines.append(f"| `{suffix}` | {found['read']} | {found['refused']} | {slowest:.1f} s |")
    lines += ["", "| made by hand | file | came | wanted | within |", "|---|---|---|---|---|"]
    for name, suffix, _, wanted in CRAFTED:
        came, seconds = crafted(folder, name)
        lines.append(f"| {name} | `{suffix}` | {came} | {wanted} | {max(0.1, seconds):.1f} s |")
    return "\n".join(lines)


if __name__ == "__main__":
    import tempfile
    import warnings

    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as place:
        print(tables(Path(place)))
