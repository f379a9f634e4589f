"""Files of other versions of scikit-learn, searches saved whole, and what else a .skops file may hold."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pandas as pd
import pytest
import sklearn
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from undelete.adapters.files.files import load_model
from undelete.adapters.files.saved import trusted
from undelete.adapters.sklearn.pipeline import from_sklearn
from undelete.errors import InputError

N = 90
DRAW = np.random.default_rng(1)
TABLE = pd.DataFrame({"size": DRAW.integers(1, 9, N).astype(float), "age": DRAW.random(N) * 50})
TABLE["town"] = DRAW.choice(["Bonn", "Ulm"], N)
GRADE = np.where(TABLE["size"] + DRAW.normal(0, 2, N) > 4, "up", "down")
WORTH = TABLE["size"] * 3 + TABLE.age / 10 + (TABLE.town == "Ulm")


def aged(path, change=lambda node: None, version="1.2.3"):
    """Rewrite a file as another version of scikit-learn would have written it."""

    def walk(node):
        if isinstance(node, dict):
            change(node)
            return {key: walk(value) for key, value in node.items()}
        if isinstance(node, list):
            return [walk(value) for value in node]
        return json.dumps(version) if node == json.dumps(sklearn.__version__) else node

    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["schema.json"] = json.dumps(walk(json.loads(parts["schema.json"]))).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return path


def saved(model, target, tmp_path):
    skops.io.dump(model.fit(TABLE, target), tmp_path / "m.skops")
    return tmp_path / "m.skops"


def without(kind, attribute):
    def change(node):
        if node.get("__class__") == kind:
            node["content"]["content"].pop(attribute, None)

    return change


@pytest.mark.parametrize(
    ("model", "target", "change"),
    [
        (make_pipeline(SimpleImputer(), StandardScaler(), Ridge()), WORTH, without("SimpleImputer", "_fill_dtype")),
        (make_pipeline(StandardScaler(), RidgeClassifier()), GRADE, without("RidgeClassifier", "classes_")),
    ],
)
def test_what_the_installed_version_would_have_added_is_added_so_that_predictions_are_compared(
    model, target, change, tmp_path
):
    table = TABLE[["size", "age"]]
    path = tmp_path / "m.skops"
    skops.io.dump(model.fit(table, target), path)
    expected = from_sklearn(load_model(path), table, None)
    linear = from_sklearn(load_model(aged(path, change)), table, None)
    assert linear.notes == ()
    np.testing.assert_array_equal(linear.W, expected.W)


def test_a_class_that_is_gone_is_read_by_a_stand_in(tmp_path):
    def remainder(node):
        if node.get("__class__") == "ColumnTransformer":
            columns = node["content"]["content"]["_remainder"]["content"]
            held = {"data": columns[2]}
            inner = {"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": held}
            inner |= {"key_types": node["content"]["key_types"], "__id__": columns[2]["__id__"] + 2}
            columns[2] = {
                "__class__": "_RemainderColsList", "__module__": "sklearn.compose._column_transformer",
                "__loader__": "ObjectNode", "__id__": columns[2]["__id__"] + 1, "content": inner,
            }  # fmt: skip

    steps = make_column_transformer((StandardScaler(), ["size", "age"]), remainder="drop")
    path = saved(make_pipeline(steps, Ridge()), WORTH, tmp_path)
    assert from_sklearn(load_model(aged(path, remainder)), TABLE, None).coef.shape == (1, 2)


def test_a_file_of_another_version_that_cannot_be_used_names_both(tmp_path):
    path = saved(make_pipeline(make_column_transformer((OneHotEncoder(), ["town"])), Ridge()), WORTH, tmp_path)
    said = rf"saved by scikit-learn 1\.2\.3 and {sklearn.__version__} is installed"
    with pytest.raises(InputError, match=said):
        from_sklearn(load_model(aged(path, without("OneHotEncoder", "categories_"))), TABLE, None)

    with pytest.raises(InputError, match=said):
        from_sklearn(load_model(aged(path, without("Ridge", "coef_"))), TABLE, None)


def test_an_estimator_that_cannot_predict_here_is_read_and_the_reader_told(tmp_path):
    path = saved(make_pipeline(make_column_transformer((StandardScaler(), ["size"])), Ridge()), WORTH, tmp_path)
    linear = from_sklearn(load_model(aged(path, without("ColumnTransformer", "sparse_output_"))), TABLE, None)
    (note,) = linear.notes
    assert "was saved by scikit-learn 1.2.3" in note
    assert "not compared with its own predictions" in note


@pytest.mark.parametrize("scoring", [None, "roc_auc"])
def test_a_search_saved_whole_is_read_as_its_best_estimator(scoring, tmp_path):
    steps = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include=np.number)),
        (OneHotEncoder(), make_column_selector(dtype_exclude=np.number)),
    )
    inside = make_pipeline(steps, LogisticRegression())
    search = GridSearchCV(inside, {"logisticregression__C": [0.1, 1.0]}, cv=3, scoring=scoring)
    path = saved(search, GRADE, tmp_path)
    best = from_sklearn(load_model(path).best_estimator_, TABLE, None)
    np.testing.assert_array_equal(from_sklearn(load_model(path), TABLE, None).W, best.W)
    kept = make_pipeline(steps, GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=3)).fit(TABLE, GRADE)
    assert from_sklearn(kept, TABLE, None).loss == "logistic"


def test_a_search_without_a_best_estimator_is_refused(tmp_path):
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=3, refit=False)
    with pytest.raises(InputError, match=r"GridSearchCV has no best_estimator_"):
        from_sklearn(search.fit(TABLE[["size"]], WORTH), TABLE, None)


def test_what_cannot_be_read_is_named(tmp_path):
    calibrated = CalibratedClassifierCV(LogisticRegression(), cv=2).fit(TABLE[["size"]], GRADE)
    skops.io.dump(calibrated, tmp_path / "c.skops")
    with pytest.raises(InputError, match="CalibratedClassifierCV"):
        from_sklearn(load_model(tmp_path / "c.skops"), TABLE[["size"]], None)
    forest = RandomForestClassifier(2).fit(TABLE[["size"]], GRADE)
    skops.io.dump(forest, tmp_path / "f.skops")
    # older versions of skops trust trees
    with pytest.raises(
        InputError, match=r"not trusted \(sklearn.tree._tree.Tree, in a |^RandomForestClassifier is not"
    ):
        from_sklearn(load_model(tmp_path / "f.skops"), TABLE[["size"]], None)
    words = make_pipeline(CountVectorizer(), LogisticRegression()).fit(TABLE.town, GRADE)
    with pytest.raises(InputError, match="starts with CountVectorizer, which reads text"):
        from_sklearn(words, TABLE, None)


def test_only_plain_parts_are_trusted_beside_what_skops_trusts():
    for name in ("numpy.number", "sklearn.metrics._ranking.roc_auc_score", "sklearn.model_selection._split.KFold"):
        assert trusted(name)
    for name in (
        "os.system", "builtins.eval", "numpy.load", "numpy.memmap", "sklearn.tree._tree.Tree", "joblib.load",
        "sklearn.metrics._scorer.np", "sklearn.metrics.os.system", "sklearn.datasets._base.load_files",
    ):  # fmt: skip
        assert not trusted(name)


def test_a_classifier_that_others_are_made_of_is_not_fitted_itself(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), rng.integers(0, 2, 60)
    stack = StackingClassifier([("ridge", RidgeClassifier())], LogisticRegression(), cv=2).fit(X, y)
    skops.io.dump(stack, tmp_path / "stack.skops")
    assert (load_model(tmp_path / "stack.skops").predict(X) == stack.predict(X)).all()
