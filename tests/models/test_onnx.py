"""ONNX graphs as skl2onnx writes them, made by hand: read like the pipeline itself, or refused; nothing is run."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

import undelete
from tests.hostile import mutations
from tests.models.conftest import SURE, WHO, customers
from undelete import InputError
from undelete.adapters.files.files import load_model
from undelete.adapters.onnx import from_onnx
from undelete.attacker.gradient.difference import Difference
from undelete.attacker.table.further_error import resolution
from undelete.auditing.released import read_pair
from undelete.cli import main

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

ML = "ai.onnx.ml"
NUMBERS, WORDS = ["age", "children"], ["town"]


def node(kind, inputs, outputs, **options):
    plain = (
        "Cast",
        "Concat",
        "Reshape",
        "MatMul",
        "Add",
        "Sub",
        "Div",
        "Mul",
        "Exp",
        "Sigmoid",
        "ArgMax",
        "Gemm",
        "Relu",
        "Gather",
        "CastLike",
        "Split",
        "ReduceProd",
        "ReduceSum",
        "Slice",
        "Clip",
    )
    return helper.make_node(kind, inputs, outputs, domain="" if kind in plain else ML, **options)


def graph(nodes, inputs, constants=(), producer="skl2onnx"):
    entries = [helper.make_tensor_value_info(name, kind, [None, width]) for name, kind, width in inputs]
    arrays = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants]
    made = helper.make_graph(nodes, "g", entries, [], arrays)
    return helper.make_model(made, producer_name=producer)


def fitted(table, final, target):
    steps = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS), (OneHotEncoder(handle_unknown="ignore"), WORDS)
    )
    return make_pipeline(steps, final).fit(table[[*NUMBERS, *WORDS]], table[target])


def written(pipeline, double=False):
    """A pipeline of `fitted` as a graph: of single precision, or as for double inputs."""
    steps, final = pipeline[0], pipeline[1]
    towns = list(steps.named_transformers_["onehotencoder"].categories_[0])
    imputer, scaler = steps.named_transformers_["pipeline"]
    nodes = [
        node("Concat", NUMBERS, ["numbers"], axis=1),
        node("Imputer", ["numbers"], ["filled"], imputed_value_floats=imputer.statistics_, replaced_value_float=np.nan),
        node(
            "OneHotEncoder",
            WORDS,
            ["words"],
            cats_strings=towns,
        ),
        node("Reshape", ["words", "shape"], ["flat"]),
    ]
    constants = [("shape", np.array([-1, 3]))]
    coef = np.atleast_2d(final.coef_)
    intercept = np.atleast_1d(final.intercept_)
    classes = getattr(final, "classes_", None)
    if classes is not None and len(classes) == 2:
        coef, intercept = np.vstack([-coef, coef]), np.r_[-intercept, intercept]
    if double:
        nodes += [node("Sub", ["filled", "means"], ["moved"]), node("Div", ["moved", "scales"], ["scaled"])]
        constants += [
            ("means", scaler.mean_),
            ("scales", scaler.scale_),
            ("coef", coef.T),
            ("intercept", intercept[None]),
        ]
    else:
        nodes += [node("Scaler", ["filled"], ["scaled"], offset=scaler.mean_, scale=1 / scaler.scale_)]
    nodes += [node("Concat", ["scaled", "flat"], ["features"], axis=1)]
    if double:
        nodes += [node("MatMul", ["features", "coef"], ["product"]), node("Add", ["product", "intercept"], ["scores"])]
        if classes is not None:
            nodes += [
                node("Sigmoid", ["scores"], ["shares"]), node("ArgMax", ["scores"], ["at"]),
                node("ZipMap", ["shares"], ["out"], classlabels_int64s=[int(c) for c in classes]),
            ]  # fmt: skip
    elif classes is None:
        nodes += [node("LinearRegressor", ["features"], ["out"], coefficients=coef.ravel(), intercepts=intercept)]
    else:
        how = "LOGISTIC" if len(classes) == 2 else "SOFTMAX"
        nodes += [
            node("LinearClassifier", ["features"], ["label", "shares"], coefficients=coef.ravel(), intercepts=intercept,
                 classlabels_ints=[int(c) for c in classes], post_transform=how),
            node("Cast", ["label"], ["output_label"], to=TensorProto.INT64),
            node("ZipMap", ["shares"], ["out"], classlabels_int64s=[int(c) for c in classes]),
        ]  # fmt: skip
    kind = TensorProto.DOUBLE if double else TensorProto.FLOAT
    inputs = [*((name, kind, 1) for name in NUMBERS), *((name, TensorProto.STRING, 1) for name in WORDS)]
    return graph(nodes, inputs, constants)


@pytest.mark.parametrize(
    ("target", "final", "double"),
    [("wage", Ridge(2.0), False), ("wage", Ridge(2.0), True), ("left", LogisticRegression(**SURE), False),
     ("left", LogisticRegression(**SURE), True), ("plan", LogisticRegression(**SURE), False)],
)  # fmt: skip
def test_it_predicts_what_the_pipeline_does(target, final, double):
    table = customers(300)
    table = table if double else table.assign(age=table.age.where(table.index != 3))
    pipeline = fitted(table, final, target)
    model = from_onnx(written(pipeline, double), table, [target])
    want = pipeline.predict(table) if target == "wage" else pipeline.decision_function(table)
    close = 1e-12 if double else 1e-5
    np.testing.assert_allclose(model.decision(table).squeeze(), want, rtol=close, atol=10 * close)
    assert model.classes == (None if target == "wage" else tuple(pipeline.classes_))


@pytest.mark.parametrize("refit", [False, True])
def test_with_the_remaining_records_in_place_of_public_ones_the_gradient_is_exact(refit):
    table = customers(300)
    rest = table.drop(index=WHO)
    before = fitted(table, LogisticRegression(**SURE), "left")
    after = fitted(rest, LogisticRegression(**SURE), "left")
    if not refit:
        after = make_pipeline(before[0], LogisticRegression(**SURE).fit(before[0].transform(rest), rest.left))
    found = read_pair(written(before, True), written(after, True), rest, target="left", n=300, l2=1.0)
    x = found.old.features(table.loc[[WHO]])
    sign = 2 * table.left[WHO] - 1
    exact = -np.outer(x, found.release.loss.residual(np.array([[sign]]), x @ found.old.W))
    told = Difference.by(found.release, "answers").gradient[0]
    np.testing.assert_allclose(told, exact, atol=1e-5 * np.abs(exact).max())


def test_an_audit_of_files_in_single_precision_counts_the_lost_digits(tmp_path):
    table, public = customers(400), customers(800, seed=4)
    public = public[[*NUMBERS, *WORDS, "left"]]
    before = fitted(table, LogisticRegression(**SURE), "left")
    rest = table.drop(index=WHO)
    after = make_pipeline(before[0], LogisticRegression(**SURE).fit(before[0].transform(rest), rest.left))
    files = [tmp_path / f"{name}.onnx" for name in ("before", "after")]
    for file, model in zip(files, (before, after), strict=True):
        file.write_bytes(written(model).SerializeToString())
    found = undelete.audit(*files, public, target="left", n=400)
    assert found.records.loc[0, ["town", "left"]].tolist() == table.loc[WHO, ["town", "left"]].tolist()
    assert any("neither its penalty nor its number" in warning for warning in found.warnings)
    assert resolution(found.release.W_before) is not None
    whole = from_onnx(written(before, double=True), public, ["left"])
    assert resolution(whole.W) is None


TOWNS = ["a", "b", "c"]
MADE = {
    "a category left out": ([node("OneHotEncoder", ["shop_town"], ["h"], cats_strings=TOWNS),
                             node("Gather", ["h", "kept"], ["f"], axis=-1)], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]),
    "rare categories together": ([node("OneHotEncoder", ["shop_town"], ["h"], cats_strings=TOWNS),
                                  node("Split", ["h", "sizes"], ["h1", "h2"], axis=-1),
                                  node("ReduceSum", ["h2", "last"], ["h3"], keepdims=1),
                                  node("Concat", ["h1", "h3"], ["f"], axis=-1)], [1.0, 0.0, 0.0], [0.0, 1.0, 1.0]),
    "codes": ([node("LabelEncoder", ["shop_town"], ["c"], keys_strings=["b", "c", "a"], values_int64s=[1, 2, 0]),
               node("Cast", ["age"], ["a"], to=TensorProto.DOUBLE), node("Concat", ["c", "a"], ["f"], axis=1)],
              [0.0, 1.0, 2.0], [30.0, 40.0, 50.0]),
    "products": ([node("FeatureVectorizer", ["age", "pets"], ["v"], inputdimensions=[1, 1]),
                  node("CastLike", ["v", "age"], ["w"]), node("Sub", ["w", "shift"], ["x"]),
                  node("ArrayFeatureExtractor", ["x", "twice"], ["p"]), node("ReduceProd", ["p", "last"], ["q"]),
                  node("Gather", ["w", "kept"], ["r"], axis=1), node("Concat", ["q", "r"], ["f"], axis=1)],
                 [400.0, 900.0, 1600.0], [2.0, 0.0, 4.0]),
}  # fmt: skip


@pytest.mark.parametrize("what", MADE)
def test_what_converters_write_of_common_steps_is_read(what):
    nodes, first, second = MADE[what]
    public = pd.DataFrame(
        {"shop.town": TOWNS, "age": [30.0, 40.0, 50.0], "pets": [2.0, 0.0, 4.0], "y": [0.0, 1.0, 2.0]}
    )
    constants = [("kept", [1, 2] if what == "a category left out" else [1]), ("sizes", [1, 2]), ("last", [1]),
                 ("shift", [10.0, 0.0]), ("twice", [0, 0])]  # fmt: skip
    final = node("LinearRegressor", ["f"], ["out"], coefficients=[0.5, 0.25], intercepts=[3.0])
    names = [("age", TensorProto.DOUBLE, 1), ("pets", TensorProto.DOUBLE, 1), ("shop_town", TensorProto.STRING, 1)]
    model = from_onnx(graph([*nodes, final], names, constants), public, ["y"])
    want = 3.0 + 0.5 * np.array(first) + 0.25 * np.array(second)
    np.testing.assert_allclose(model.decision(public).ravel(), want, rtol=1e-12)
    if what == "a category left out":
        assert model.design.encodings[0].dropped == ("a",)


def test_a_single_input_of_one_column_is_that_column():
    table = PUBLIC.rename(columns={"b": "the b"})
    model = from_onnx(graph([node("Identity", ["the_b"], ["X"]), linear(1)], [("the_b", 1, 1)]), table, ["y"])
    assert model.design.raw == ("the b",)


def test_a_model_for_each_class_against_the_rest_is_read():
    table = customers(300)
    X, y = table[[*NUMBERS, "member"]].astype(float), table.plan
    each = OneVsRestClassifier(LogisticRegression(**SURE)).fit(X, y)
    nodes, constants = [], [("at", np.array([1])), ("kinds", np.array([0, 1, 2]))]
    for j, one in enumerate(each.estimators_):  # as skl2onnx has it: both classes of each, of which the second is kept
        constants += [
            (f"w{j}", np.vstack([-one.coef_, one.coef_]).T),
            (f"b{j}", np.r_[-one.intercept_, one.intercept_]),
        ]
        nodes += [
            node("MatMul", ["X", f"w{j}"], [f"p{j}"]), node("Add", [f"p{j}", f"b{j}"], [f"s{j}"]),
            node("Sigmoid", [f"s{j}"], [f"g{j}"]), node("Slice", [f"g{j}", "at"], [f"q{j}"]),
        ]  # fmt: skip
    nodes += [
        node("Concat", ["q0", "q1", "q2"], ["all"], axis=1), node("ArgMax", ["all"], ["best"]),
        node("ArrayFeatureExtractor", ["kinds", "best"], ["label"]),
    ]  # fmt: skip
    public = X.assign(plan=y)
    model = from_onnx(graph(nodes, [("X", TensorProto.DOUBLE, 3)], constants), public, ["plan"])
    assert (model.loss, model.classes) == ("logistic", (0, 1, 2))
    np.testing.assert_allclose(model.decision(public), each.decision_function(X), rtol=1e-12)
    for which, centres in (("alike", np.zeros(3)), ("apart", np.arange(3.0))):  # of scalers in each class's model
        scaled = [node("Sub", ["X", f"c{j}"], [f"X{j}"]) for j in range(3)]
        scaled += [node("MatMul", [f"X{j}", f"w{j}"], [f"p{j}"]) for j in range(3)]
        scaled += [one for one in nodes if one.op_type != "MatMul"]
        own = [*constants, *((f"c{j}", X.mean().to_numpy() + centres[j]) for j in range(3))]
        made = graph(scaled, [("X", TensorProto.DOUBLE, 3)], own)
        if which == "apart":
            with pytest.raises(InputError, match="a scaler in each that was fitted on other records"):
                from_onnx(made, public, ["plan"])
        else:
            told = from_onnx(made, public, ["plan"]).decision(public)
            np.testing.assert_allclose(told, each.decision_function(X - X.mean()), rtol=1e-12, atol=1e-12)
    beside = [*nodes[:-3], node("Concat", ["q0", "X"], ["all"], axis=1)]
    with pytest.raises(InputError, match="puts scores beside something else"):
        from_onnx(graph(beside, [("X", TensorProto.DOUBLE, 3)], constants), public, ["plan"])


def test_a_clip_is_read_where_no_public_record_is_cut_off():
    table = customers(300)
    X = table[[*NUMBERS, "member"]].astype(float)
    model = make_pipeline(MinMaxScaler(clip=True), Ridge(1.0)).fit(X, table.wage)
    steps, final = model[0], model[1]
    nodes = [
        node("Mul", ["X", "scale"], ["m"]), node("Add", ["m", "least"], ["s"]),
        node("Clip", ["s", "low", "high"], ["c"]), node("MatMul", ["c", "w"], ["p"]), node("Add", ["p", "b"], ["y"]),
    ]  # fmt: skip
    constants = [
        ("scale", steps.scale_), ("least", steps.min_), ("low", np.array(0.0)), ("high", np.array(1.0)),
        ("w", final.coef_[:, None]), ("b", np.array([final.intercept_])),
    ]  # fmt: skip
    made = graph(nodes, [("X", TensorProto.DOUBLE, 3)], constants)
    public = X.assign(wage=table.wage)
    read = from_onnx(made, public, ["wage"])
    np.testing.assert_allclose(read.decision(public)[:, 0], model.predict(X), rtol=1e-10)
    assert any("clips 'age', 'children', 'member' where no public record lies" in note for note in read.notes)
    older = pd.concat([public, public[:2].assign(age=120.0)], ignore_index=True)
    with pytest.raises(InputError, match="clips column 'age', and 2 public records lie beyond its ends"):
        from_onnx(made, older, ["wage"])
    squared = [node("ReduceSum", ["X"], ["x"]), node("Clip", ["x", "low"], ["c"]), *nodes[3:]]
    with pytest.raises(InputError, match="which is no scaled column"):
        from_onnx(graph(squared, [("X", TensorProto.DOUBLE, 3)], constants), public, ["wage"])


def test_the_loss_under_a_logarithmic_link_is_said(tmp_path, capsys):
    table, public = customers(400), customers(900, seed=4)[["age", "member", "visits"]]
    files = []
    for name, part in (("before", table), ("after", table.drop(index=WHO))):
        fit = PoissonRegressor(alpha=0, tol=1e-12, max_iter=9999).fit(part[["age", "member"]], part.visits)
        nodes = [node("MatMul", ["X", "w"], ["p"]), node("Add", ["p", "b"], ["s"]), node("Exp", ["s"], ["out"])]
        constants = [("w", fit.coef_[:, None]), ("b", np.atleast_1d(fit.intercept_))]
        files.append(tmp_path / f"{name}.onnx")
        files[-1].write_bytes(graph(nodes, [("X", TensorProto.DOUBLE, 2)], constants).SerializeToString())
    found = undelete.audit(*files, public, target="visits", n=400, l2=0.0, loss="poisson")
    assert found.records.loc[0, "member"] == table.member[WHO]
    assert found.records.loc[0, "age"] == pytest.approx(table.age[WHO], abs=2)
    with pytest.raises(InputError, match=r"link \(Exp\) is not that of the loss squared"):
        undelete.audit(*files, public, target="visits", n=400, loss="squared")
    with pytest.raises(InputError, match="loss of an ONNX graph is a name"):
        undelete.audit(*files, public, target="visits", n=400, loss=abs)
    public.to_csv(tmp_path / "public.csv", index=False)
    table[public.columns].to_csv(tmp_path / "who.csv", index=False)
    given = ["audit", *map(str, files), f"--public={tmp_path}/public.csv", "--target=visits", "--n=400", "--l2=0"]
    asked = ["--loss=poisson", f"--candidates={tmp_path}/who.csv", "--out", str(tmp_path)]
    assert main([*given, *asked]) == 0
    assert pd.read_csv(tmp_path / "candidates.csv").iloc[0, 0] == WHO
    assert main([*given, *asked[1:]]) == 2
    assert "say it (loss=, --loss poisson" in capsys.readouterr().err


def linear(features=2, **options):
    options = {"coefficients": [0.5] * features, "intercepts": [0.1]} | options
    return node("LinearRegressor", ["X"], ["out"], **options)


ONE = [("X", TensorProto.FLOAT, 2)]
PUBLIC = pd.DataFrame({"a": [1.0, 2.0], "b": [0.0, 1.0], "y": [0.0, 1.0]})
BAD = {
    "not read": ([node("Relu", ["X"], ["h"]), linear()], ONE),
    "several linear layers": ([linear(), node("LinearRegressor", ["X"], ["o2"], coefficients=[1.0, 2.0])], ONE),
    "after its linear layer": ([linear(), node("Relu", ["out"], ["more"])], ONE),
    "logarithmic link": ([linear(), node("Exp", ["out"], ["mean"])], ONE),
    "with which loss": ([node("LinearClassifier", ["X"], ["l", "s"], coefficients=[1.0, 2.0, -1.0, -2.0],
                              intercepts=[0.0, 0.0], classlabels_ints=[0, 1])], ONE),
    "coefficients of their own": ([node("LinearClassifier", ["X"], ["l", "s"], coefficients=[1.0, 2.0, 3.0, 4.0],
                                        intercepts=[0.0, 0.0], classlabels_ints=[0, 1],
                                        post_transform="LOGISTIC")], ONE),
    "reads 3 columns without names and the public table has 2": ([linear(3)], [("X", TensorProto.FLOAT, 3)]),
    "several inputs": ([linear()], [*ONE, ("Z", TensorProto.FLOAT, 2)]),
    "no linear layer": ([node("Cast", ["X"], ["out"], to=TensorProto.FLOAT)], ONE),
    "does not fit together": ([linear(coefficients=[1.0, 2.0, 3.0])], ONE),
    "of evil": ([helper.make_node("Scaler", ["X"], ["h"], domain="evil"), linear()], ONE),
    "a power above 100": ([node("ArrayFeatureExtractor", ["X", "many"], ["h"]),
                           node("ReduceProd", ["h"], ["p"]), linear(1)], ONE, [("many", [0] * 150)]),
    "more than": ([*(node("Concat", [f"h{i}", f"h{i}"], [f"h{i + 1}"], axis=1) for i in range(60)), linear()],
                  [("h0", TensorProto.FLOAT, 2)]),
}  # fmt: skip


@pytest.mark.parametrize("why", BAD)
def test_what_is_not_understood_is_refused(why):
    with pytest.raises(InputError, match=why) as refused:
        from_onnx(graph(*BAD[why]), PUBLIC, ["y"])
    assert str(refused.value).count("save the model as .skops") < 2


def test_a_graph_of_another_tool_has_to_say_its_loss():
    with pytest.raises(InputError, match="with which loss"):
        from_onnx(graph([linear()], ONE, producer="pytorch"), PUBLIC, ["y"])
    weights = [("w", np.array([[0.5, 0.25]])), ("b", np.array([0.1]))]
    nodes = [node("Gemm", ["X", "w", "b"], ["s"], transB=1), node("Sigmoid", ["s"], ["p"])]
    model = from_onnx(graph(nodes, ONE, weights, producer="pytorch"), PUBLIC, ["y"])
    assert (model.loss, model.W.ravel().tolist()) == ("logistic", [0.5, 0.25, 0.1])


def test_parts_in_other_files_are_not_opened():
    made = graph([node("MatMul", ["X", "w"], ["s"])], ONE, [("w", np.array([[0.5], [0.25]]))])
    weights = made.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/passwd")
    with pytest.raises(InputError, match="in another file, which is not opened"):
        from_onnx(made, PUBLIC, ["y"])


@pytest.mark.filterwarnings("ignore")
def test_changed_files_are_read_or_refused(tmp_path):
    table = customers(60)
    whole = written(fitted(table, LogisticRegression(**SURE), "left")).SerializeToString()
    file, refused = tmp_path / "changed.onnx", 0
    for changed in mutations(whole, 200, np.random.default_rng(0)):
        file.write_bytes(changed or b"\0")
        try:
            from_onnx(load_model(file), table[[*NUMBERS, *WORDS, "left"]], ["left"])
        except InputError as error:
            refused += "\n" not in str(error) or 1000
    assert 20 < refused < 200


def test_other_commands_say_what_they_read():
    table = customers(60)
    model = written(fitted(table, Ridge(), "wage"))
    with pytest.raises(InputError, match="of an ONNX graph undelete scan does not list"):
        undelete.scan(model)
    with pytest.raises(InputError, match="ModelProto is read by `audit` alone"):
        undelete.simulate(model, table[[*NUMBERS, *WORDS]], table.wage, table[[*NUMBERS, *WORDS]], table.wage)
