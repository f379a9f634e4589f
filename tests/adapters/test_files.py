"""Model files: round trips, and every way in which a file can be none."""

import contextlib
import io
import json
import os
import zipfile

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from tests.adapters.pipelines import FOLDABLE, imputing, people, with_gaps
from undelete import InputError, LinearModel, load_model, save_model
from undelete.adapters.files import files
from undelete.adapters.sklearn.pipeline import from_sklearn

TRAIN = people(300)
RAW = ["year", "income", "state", "code"]


@pytest.mark.parametrize("name", FOLDABLE)
def test_pipelines_come_back_from_skops(tmp_path, name):
    pipeline = FOLDABLE[name]().fit(TRAIN[RAW], TRAIN.wage)
    save_model(pipeline, tmp_path / "m.skops")
    again = load_model(tmp_path / "m.skops")
    np.testing.assert_array_equal(
        from_sklearn(again, TRAIN, "wage").decision(TRAIN), from_sklearn(pipeline, TRAIN, "wage").decision(TRAIN)
    )
    assert os.listdir(tmp_path) == ["m.skops"]


def test_selectors_and_imputers_come_back_from_skops(tmp_path):
    steps = ColumnTransformer([("n", imputing()[0].transformers[0][1], make_column_selector(dtype_include="number"))])
    train = with_gaps(TRAIN)
    pipeline = make_pipeline(steps, Ridge()).fit(train[RAW], train.wage)
    save_model(pipeline, tmp_path / "m.skops")
    assert from_sklearn(load_model(tmp_path / "m.skops"), train, "wage").steps == ("SimpleImputer", "StandardScaler")


@pytest.mark.parametrize("intercept", [None, [1.0]])
@pytest.mark.parametrize(
    ("loss", "classes"), [("squared", None), ("logistic", ["no", "yes"]), ("squared_hinge", [0, 1])]
)
@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_plain_files_come_back(tmp_path, suffix, intercept, loss, classes):
    names = ["year", "year^2", "state=Texas", "year*state=Texas"]
    model = LinearModel(np.random.default_rng(0).normal(size=4), intercept, loss, names, classes=classes, l2=2.0, n=300)
    save_model(model, tmp_path / f"m{suffix}")
    again = load_model(tmp_path / f"m{suffix}")
    assert os.listdir(tmp_path) == [f"m{suffix}"]
    np.testing.assert_array_equal(again.W, model.W)
    np.testing.assert_array_equal(again.l2, model.l2)
    assert (again.loss, again.feature_names, again.classes, again.n, again.intercept is None) == (
        loss, tuple(names), None if classes is None else tuple(classes), 300, intercept is None
    )  # fmt: skip
    np.testing.assert_array_equal(again.decision(TRAIN), model.decision(TRAIN))


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_a_bare_estimator_can_be_saved_plainly(tmp_path, suffix):
    model = from_sklearn(Ridge().fit(TRAIN[["year", "income"]], TRAIN.wage), TRAIN, "wage")
    save_model(model, tmp_path / f"m{suffix}")
    np.testing.assert_allclose(load_model(tmp_path / f"m{suffix}").decision(TRAIN), model.decision(TRAIN), rtol=1e-10)


def test_a_scaled_model_cannot_be_saved_plainly(tmp_path):
    model = from_sklearn(FOLDABLE["one-hot"]().fit(TRAIN[RAW], TRAIN.wage), TRAIN, "wage")
    with pytest.raises(
        InputError, match=r"Ridge's features are more than their names say \(steps: StandardScaler, One"
    ):
        save_model(model, tmp_path / "m.npz")
    assert not os.listdir(tmp_path)


def test_pickles_only_on_trust(tmp_path):
    for name in ("m.joblib", "m.pkl"):
        joblib.dump(Ridge().fit(TRAIN[["year"]], TRAIN.wage), tmp_path / name)
        with pytest.raises(InputError, match=r"is a pickle, and unpickling runs code that the file contains: save the"):
            load_model(tmp_path / name)
        assert isinstance(load_model(tmp_path / name, trust=True), Ridge)


def test_a_pickle_is_not_opened_without_trust(tmp_path):
    witness = tmp_path / "ran"

    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(witness),)

    joblib.dump(Hostile(), tmp_path / "m.pkl")
    with pytest.raises(InputError, match="is a pickle"):
        load_model(tmp_path / "m.pkl")
    # the same under a name that promises no pickle
    os.rename(tmp_path / "m.pkl", tmp_path / "m.skops")
    with pytest.raises(InputError, match=r"is damaged or no \.skops file"):
        load_model(tmp_path / "m.skops")
    os.rename(tmp_path / "m.skops", tmp_path / "m.npz")
    with pytest.raises(InputError, match=r"is damaged or no \.npz file"):
        load_model(tmp_path / "m.npz")
    assert not witness.exists()


def test_untrusted_types_are_named(tmp_path):
    pipeline = make_pipeline(FunctionTransformer(os.path.basename), Ridge())
    skops.io.dump(pipeline, tmp_path / "m.skops")
    with pytest.raises(
        InputError,
        match=r"holds types .* trusted \(posixpath.basename, in a FunctionTransformer\): they may",
    ):
        load_model(tmp_path / "m.skops")
    skops.io.dump([1, 2], tmp_path / "l.skops")
    with pytest.raises(InputError, match=r"holds a list, not an estimator"):
        load_model(tmp_path / "l.skops")


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def array_bytes(array=None, header=None):
    out = io.BytesIO()
    if header is None:
        np.lib.format.write_array(out, array)
    else:
        np.lib.format.write_array_header_1_0(out, header)
    return out.getvalue()


@pytest.mark.parametrize("suffix", [".npz", ".skops"])
def test_files_that_are_no_model(tmp_path, suffix):
    path = tmp_path / f"m{suffix}"
    with pytest.raises(InputError, match=r"there is no file .*m\.\w+: check the path"):
        load_model(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match="is empty: the model was not saved whole"):
        load_model(path)
    damaged = rf"is damaged or no \{suffix} file \(.+\): save the model again"
    for content in (b"year,income\n1,2\n", os.urandom(300), b"PK\x03\x04" + bytes(200)):
        path.write_bytes(content)
        with pytest.raises(InputError, match=damaged) as caught:
            load_model(path)
        assert "\n" not in str(caught.value)
    zipped(path, {"schema.json": "{}", "coef.npy": b"\x93NUMPY"})
    with pytest.raises(InputError, match=damaged):
        load_model(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match="is a folder: give the model file in it"):
        load_model(path)


@pytest.mark.parametrize("suffix", [".npz", ".skops"])
def test_a_file_cut_anywhere_is_damaged(tmp_path, suffix):
    model = Ridge().fit(TRAIN[["year"]], TRAIN.wage)
    save_model(model if suffix == ".skops" else LinearModel([1.0], 0.0, "squared", ["a"]), tmp_path / f"m{suffix}")
    whole = (tmp_path / f"m{suffix}").read_bytes()
    for length in range(1, len(whole) - 1, max(1, len(whole) // 60)):
        (tmp_path / f"c{suffix}").write_bytes(whole[:length])
        with pytest.raises(InputError, match="is damaged"):
            load_model(tmp_path / f"c{suffix}")


@pytest.mark.parametrize("suffix", [".npz", ".skops"])
def test_flipped_bits_never_escape(tmp_path, suffix):
    """Whatever is in the file, it is read or refused in one line."""
    model = Ridge().fit(TRAIN[["year"]], TRAIN.wage)
    save_model(model if suffix == ".skops" else LinearModel([1.0], 0.0, "squared", ["a"]), tmp_path / f"m{suffix}")
    whole = bytearray((tmp_path / f"m{suffix}").read_bytes())
    rng = np.random.default_rng(0)
    for _ in range(150):
        flipped = bytearray(whole)
        for at in rng.integers(0, len(whole), 3):
            flipped[at] ^= int(rng.integers(1, 256))
        (tmp_path / f"f{suffix}").write_bytes(flipped)
        with contextlib.suppress(InputError):
            load_model(tmp_path / f"f{suffix}")


def test_an_archive_that_would_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MODEL_BYTES", 1 << 24)
    zeros = bytes(1 << 20)
    zipped(tmp_path / "bomb.npz", {f"a{i}.npy": zeros for i in range(17)})
    with pytest.raises(InputError, match=r"would unpack to 18 MB in 17 parts, far more than a linear model"):
        load_model(tmp_path / "bomb.npz")


def test_an_array_that_lies_about_its_size(tmp_path):
    lying = array_bytes(header={"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    zipped(tmp_path / "m.npz", {"coef.npy": lying})
    with pytest.raises(InputError, match=r"coef\.npy declares shape \(1000000000000,\) and has \d+ bytes"):
        load_model(tmp_path / "m.npz")
    zipped(tmp_path / "inner.npz", {"data.npy": lying})
    zipped(tmp_path / "m.skops", {"schema.json": "{}", "x.npz": (tmp_path / "inner.npz").read_bytes()})
    with pytest.raises(InputError, match=r"data\.npy declares shape"):
        load_model(tmp_path / "m.skops")


def test_a_schema_nested_without_end(tmp_path):
    zipped(tmp_path / "m.skops", {"schema.json": "[" * 200_000})
    with pytest.raises(InputError, match=r"is damaged or no \.skops file"):
        load_model(tmp_path / "m.skops")
    node: dict = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": []}
    for _ in range(400):
        node = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": [node], "__id__": 1}
    zipped(tmp_path / "n.skops", {"schema.json": json.dumps({**node, "protocol": 2, "_skops_version": "0.1"})})
    with pytest.raises(InputError, match=r"n\.skops"):
        load_model(tmp_path / "n.skops")


PLAIN = {"coef": [[1.0, 2.0]], "intercept": 0.5, "loss": "squared", "feature_names": ["a", "b"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"coef": None}, "has no coef: a plain model file has coef, loss and feature_names"),
        ({"loss": None, "feature_names": None}, "has no loss, feature_names"),
        ({"weight": [1]}, r"has entries that are not known \(weight\): it has coef, intercept"),
        ({"loss": "mse"}, "m.npz: loss 'mse' is not known"),
        ({"feature_names": [1, 2]}, "has feature_names that are not a list of text"),
        ({"feature_names": np.array(["a", None])}, r"is damaged or no \.npz file"),
        ({"coef": np.array([object(), 1.0])}, r"is damaged or no \.npz file"),
        ({"n": 2.5}, "has an n that is not one whole number"),
        ({"n": "many"}, "has an n that is not one whole number"),
        ({"loss": ["squared", "logistic"]}, "has a loss that is not one word: write squared, logistic"),
        ({"coef": [[1.0, np.inf]]}, "m.npz: coef has values that are not finite"),
        ({"coef": [[1.0]]}, r"m.npz: coef has shape \(1, 1\) and there are 2 feature names"),
        ({"feature_names": ["a", "b^x"]}, r"m.npz: feature name 'b\^x' cannot be read"),
    ],
)
def test_plain_files_that_are_wrong(tmp_path, change, message):
    arrays = {key: value for key, value in {**PLAIN, **change}.items() if value is not None}
    np.savez(tmp_path / "m.npz", **arrays)
    with pytest.raises(InputError, match=message):
        load_model(tmp_path / "m.npz")


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_json_as_other_languages_write_it(tmp_path):
    """R's jsonlite as a list of vectors and with lone values, Julia's and SQL's null, a byte-order mark."""
    names = '"feature_names": ["age", "state=Zürich"]'
    texts = [
        f'{{"coef": [[1.5, -2]], "intercept": [0.25], "loss": ["squared"], {names}, "l2": [0.5], "n": [300]}}',
        f'{{"coef": [1.5, -2], "intercept": 0.25, "loss": "squared", {names}, "l2": 0.5, "n": 300, "classes": {{}}}}',
        f'\ufeff{{"coef": [1.5, -2.0], "intercept": 0.25, "loss": "squared", {names}, "l2": [0.5, 0.5, 0], "n": 3e2}}',
    ]
    for text in texts:
        model = load_model(written(tmp_path / "m.json", text))
        assert model.W.ravel().tolist() == [1.5, -2.0, 0.25]
        assert (model.n, model.l2.tolist(), model.classes) == (300, [0.5, 0.5, 0.0], None)
        assert model.feature_names == ("age", "state=Zürich")
    one = '{"coef": 2, "intercept": null, "loss": "logistic", "feature_names": "age", "classes": [0, 1]}'
    model = load_model(written(tmp_path / "m.json", one))
    assert model.W.tolist() == [[2.0]]
    assert model.intercept is None
    assert model.classes == (0, 1)


JSON = {"coef": [1.0, 2.0], "intercept": 0.5, "loss": "squared", "feature_names": ["a", "b"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"coef": None}, "has no coef: a plain model file has coef, loss and feature_names"),
        ({"weight": [1]}, r"has entries that are not known \(weight\): it has coef, intercept"),
        ({"loss": "mse"}, "m.json: loss 'mse' is not known"),
        ({"loss": 1}, "has a loss that is not one word"),
        ({"loss": []}, "has a loss that is not one word"),
        ({"feature_names": [1, 2]}, "has feature_names that are not a list of text"),
        ({"feature_names": ["a", None]}, "has feature_names that are not a list of text"),
        ({"coef": [1.0, "NA"]}, 'has "NA" in coef, where numbers belong: write numbers'),
        ({"coef": [1.0, None]}, "has null in coef, where numbers belong"),
        ({"coef": [1.0, True]}, "has true in coef, where numbers belong"),
        ({"coef": [[[1.0, 2.0]]]}, r"has \[1.0, 2.0\] in coef, where numbers belong"),
        ({"coef": [[1.0, 2.0], [3.0]]}, "has a coef whose rows are not of one length"),
        ({"coef": [1.0, 10**400]}, "has a coef whose rows are not of one length, or too large a number"),
        ({"coef": [1.0, float("inf")]}, "m.json: coef has values that are not finite"),
        ({"coef": [[1.0], [2.0]]}, r"m.json: coef has shape \(2, 1\) .*it is transposed"),
        ({"classes": [1, "a"]}, "has classes that are not a list of text or of numbers"),
        ({"n": 2.5}, "has an n that is not one whole number"),
        ({"n": "300"}, 'has "300" in n, where numbers belong'),
        ({"l2": -1}, r"m.json: l2 is negative \(-1\)"),
    ],
)
def test_json_that_is_wrong(tmp_path, change, message):
    entries = {key: value for key, value in {**JSON, **change}.items() if value is not None}
    with pytest.raises(InputError, match=message) as caught:
        load_model(written(tmp_path / "m.json", json.dumps(entries)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{", "Expecting property name"),
        (b"coef: 1", "Expecting value"),
        (b"[1, 2]", "it holds a list, not an object"),
        (b'{"coef": 1, "coef": 2}', "it has coef twice"),
        (b"[" * 200_000, "recursion"),
        (b"\xff\xfe\x00", "invalid start byte"),
        (b'{"n": ' + b"9" * 10_000 + b"}", "Exceeds the limit"),
    ],
)
def test_what_is_no_json_object(tmp_path, content, why):
    (tmp_path / "m.json").write_bytes(content)
    with pytest.raises(InputError, match=rf"is damaged or no \.json file \(.*{why}.*\): save the") as caught:
        load_model(tmp_path / "m.json")
    assert "\n" not in str(caught.value)


def test_a_json_file_that_would_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "JSON_BYTES", 2_000_000)
    with pytest.raises(InputError, match=r"has 3 MB, over the 2 MB that are read as JSON: save a model of"):
        load_model(written(tmp_path / "m.json", "[" + "0," * 1_500_000 + "0]"))


@pytest.mark.parametrize(
    ("name", "instead"),
    [(name, r"save the model as \.skops") for name in ("model.csv", "model", "model.h5", "model.npy")]
    + [("model.pt", "save_file"), ("model.pt2", "--architecture"), ("model.rds", "contrib/undelete.R")],
)
def test_names_that_are_no_model_s(tmp_path, name, instead):
    (tmp_path / name).write_text("x")
    with pytest.raises(InputError, match=f"is not a model file by its name: .*{instead}"):
        load_model(tmp_path / name)


def test_places_that_cannot_be_written(tmp_path):
    model = LinearModel([1.0], 0.0, "squared", ["a"])
    with pytest.raises(InputError, match=r"must end in \.json or \.npz: that is how a LinearModel is saved"):
        save_model(model, tmp_path / "m.skops")
    with pytest.raises(InputError, match=r"must end in \.skops: that is how a LogisticRegression is saved"):
        save_model(LogisticRegression(), tmp_path / "m.npz")
    with pytest.raises(InputError, match=r"there is no folder .*nowhere: make it first"):
        save_model(StandardScaler(), tmp_path / "nowhere" / "m.skops")


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "m.npz"
    save_model(LinearModel([1.0], 0.0, "squared", ["a"]), path)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\)"):
        save_model(LinearModel([2.0], 0.0, "squared", ["a"]), path)
    assert os.listdir(tmp_path) == ["m.npz"]
    assert load_model(path).coef.item() == 1.0
