"""`undelete.audit` of two torch modules and a table, end to end."""

from __future__ import annotations

import copy
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import undelete
from tests.attacker.networks_played import COLUMNS, filled, play, small
from undelete import InputError
from undelete.adapters.torch import unwrapped
from undelete.auditing.network_files import FromFiles
from undelete.maintainer.networks import train

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def played():
    return play(torch)


def audit(played, before=None, after=None, **given):
    given = dict(target="label", loss="bce", n=played.n, l2=played.l2, features=played.scale) | given
    return undelete.audit(before or played.before, after or played.after, played.public, **given)


def gradient(played, before=None, after=None, **given):
    """The estimate alone, where an audit's whole search would say no more."""
    given = dict(target="label", loss="bce", n=played.n, l2=played.l2, features=played.scale) | given
    return undelete.deleted_gradient(before or played.before, after or played.after, played.public, **given)


@pytest.fixture(scope="module")
def result(played):
    return audit(played, truth=played.private.iloc[[played.row]])


def test_a_deletion_from_a_converged_network_is_exposed_and_its_columns_come_back(played, result):
    assert result.verdict.word == "EXPOSED"
    row = result.summary().loc["hrec+"]
    assert row["label"] == 1
    assert row["exact_columns"] >= 0.75
    assert row["median_centred_cosine"] > 0.97
    assert list(result.records) == [*COLUMNS, "label"]
    document = result.document()
    assert document["model"]["loss"] == "bce"
    assert [check["name"] for check in document["diagnostics"]][1:] == [
        "Same optimum", "Expected error of the gradient", "Fits one record", "Penalty", "Implied number of records",
    ]  # fmt: skip


def test_a_number_beyond_all_public_ones_is_found():
    played = play(torch, rooms=11, sex=1)  # of at most 8 that public people have
    found = audit(played, truth=played.private.iloc[[played.row]])
    rooms = COLUMNS.index("rooms")
    assert found.records.rooms[0] == 11
    assert found.right["hrec+"][0, rooms]
    assert found.found["hrec+"].low[0, rooms] >= 10


def test_without_the_truth_the_same_comes_back_and_is_promised(played, result, tmp_path):
    blind = audit(played)
    pd.testing.assert_frame_equal(blind.records, result.records)
    assert blind.verdict.word in ("EXPOSED", "PARTLY EXPOSED")
    blind.save(tmp_path)
    assert "label" in (tmp_path / "report.html").read_text()


def test_a_loss_of_torch_s_or_one_s_own_is_the_named_one_and_so_is_a_penalty_of_the_mean(played, result):
    named, again = gradient(played), gradient(played, loss=torch.nn.BCEWithLogitsLoss())
    for name, value in named.gradient.items():
        np.testing.assert_allclose(again.gradient[name], value, rtol=1e-12)
    own = audit(played, loss=lambda z, y: torch.nn.functional.softplus(z) - y * z, attacks=("hrec+",)).found["hrec+"]
    np.testing.assert_allclose(own.X, result.found["hrec+"].X, atol=0.2)
    assert own.target[0, 0] == pytest.approx(played.fit.Y[played.row, 0], abs=0.2)
    mean = gradient(played, l2=None, weight_decay=played.l2 / played.n)
    for name, value in played.after.state_dict().items():  # the penalty of the sum is a record's less
        less = -played.l2 / played.n * value.numpy()
        np.testing.assert_allclose(mean.gradient[name] - named.gradient[name], less, atol=1e-10)


def test_a_penalty_that_nobody_named_is_said_to_be_taken_for_none(played):
    for given, said in ((dict(l2=None), True), (dict(l2=0.0), False)):
        told = audit(played, attacks=("avg",), **given).warnings
        assert any(line.startswith("No penalty was named") for line in told) is said


def check(audited, name):
    return next(one for one in audited.diagnostics if one.name == name)


def test_an_n_off_by_a_factor_of_two_is_seen_by_the_size_of_the_change(played, result):
    told = check(result, "Implied number of records")
    assert told.ok
    assert 0.8 * played.n < float(told.value.split(" ")[0].replace(",", "")) < 1.25 * played.n
    for n in (2 * played.n, played.n // 2):  # the penalty of the mean is right whatever n is
        wrong = audit(played, n=n, l2=None, weight_decay=played.l2 / played.n, attacks=("hrec+",))
        told = check(wrong, "Implied number of records")
        assert wrong.verdict.word == "NOT DECIDABLE"
        assert told.ok is False
        assert f"not among {n:,}: n is wrong" in told.text
        assert 0.8 * played.n < float(told.value.split(" ")[0].replace(",", "")) < 1.25 * played.n


def test_a_penalty_ten_times_too_large_is_seen_and_the_one_that_fits_is_named(played, result):
    assert check(result, "Penalty").ok
    wrong = audit(played, l2=10 * played.l2, attacks=("hrec+",))
    told = check(wrong, "Penalty")
    assert told.ok is False
    low, high = map(float, re.search("with (\\S+) to (\\S+) times what was named", told.text).groups())
    assert low <= 0.1 <= high < 0.5
    assert wrong.verdict.word == "NOT DECIDABLE"
    assert "penalty that was named is not that of the training" in check(wrong, "Fits one record").text


def test_a_strong_penalty_that_nobody_named_is_seen():
    strong = play(torch, n=8000, m=8000, l2=64.0)
    told = check(audit(strong, l2=None, attacks=("avg",)), "Penalty")
    assert told.ok is False
    assert "weight_decay = 0.0" in told.text
    assert 32 < float(told.value.split(" ")[2]) < 128
    assert check(audit(strong, attacks=("avg",)), "Penalty").ok


def test_another_optimum_is_not_decidable(played):
    network = played.fit.network
    rest = train(played.fit, np.random.default_rng(3).normal(size=network.parameters))
    other = audit(played, after=filled(network, played.before, rest.theta))
    assert other.verdict.word == "NOT DECIDABLE"
    assert "another start" in other.verdict.reason
    assert np.isnan(other.found["hrec+"].probability).all()  # of error bars that do not hold


def test_a_training_that_stopped_early_is_not_decidable(played):
    off = played.theta_after + 2e-3 * np.random.default_rng(1).normal(size=len(played.theta))
    early = audit(played, after=filled(played.fit.network, played.before, off))
    assert early.verdict.word == "NOT DECIDABLE"
    assert "not the gradient of any one record" in early.verdict.reason


def test_half_precision_is_not_decidable_and_single_precision_is(played, result):
    half = audit(played, *(copy.deepcopy(module).bfloat16() for module in (played.before, played.after)))
    assert half.verdict.word == "NOT DECIDABLE"
    assert any(check.name == "Digits of the parameters" and not check.ok for check in half.diagnostics)
    assert "lost in that" in half.verdict.reason
    single = audit(played, *(copy.deepcopy(module).float() for module in (played.before, played.after)))
    assert all(check.ok for check in single.diagnostics)
    pd.testing.assert_frame_equal(single.records, result.records)


def test_the_modules_are_left_as_they_were(played):
    before = copy.deepcopy(played.before).train()
    held = {name: value.clone() for name, value in before.state_dict().items()}
    gradient(played, before)
    assert before.training
    assert all(torch.equal(held[name], value) for name, value in before.state_dict().items())
    assert all(value.requires_grad for value in before.parameters())


def test_batch_norm_that_moved_is_refused_and_frozen_batch_norm_is_read(played):
    def normed(module):
        return torch.nn.Sequential(*module[:2], torch.nn.BatchNorm1d(5, affine=False), *module[2:]).double()

    before, after = normed(played.before), normed(played.after)
    audit(played, before, after, attacks=("avg",))
    after[2].running_mean += 0.1
    with pytest.raises(InputError, match="trained in training mode"):
        audit(played, before, after)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dict(loss=None), "the loss that the networks were trained with is not known"),
        (dict(loss="hinge"), "loss 'hinge' is not known"),
        (dict(loss="cross_entropy"), "answers for 1: is its loss bce, of two classes, or mse"),
        (dict(n=None), "give n"),
        (dict(target=None), "name the target column"),
        (dict(l2={"nothing": 1.0}), "no parameter of the network"),
        (dict(weight_decay=1.0), "give one of them"),
        (dict(features=None, target="sex"), "network does not take|features|classes"),
        (dict(attacks=("informed",)), "no attack 'informed' on networks"),
        (dict(features=lambda table: table[["age"]]), "does not take records of 1 numbers"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(played, given, message):
    if given.get("target") == "sex":
        given = given | dict(loss="cross_entropy")
    with pytest.raises(InputError, match=message) as error:
        audit(played, **given)
    assert "\n" not in str(error.value)


def test_two_architectures_are_refused(played):
    with pytest.raises(InputError, match="two models of one architecture"):
        audit(played, after=small(torch, units=4))


def test_linear_models_take_no_loss(played):
    model = undelete.LinearModel([1.0] * 4, 0.0, "squared", COLUMNS)
    with pytest.raises(InputError, match="said of networks"):
        undelete.audit(model, model, played.public, loss="mse")


class ExportedProgram:
    """As torch.export makes them, which takes seconds to load."""

    def __init__(self, module):
        self.module = lambda: module


class Guarded(torch.nn.Linear):
    """As an exported module answers to another number of records than it was exported with."""

    def forward(self, X):
        raise AssertionError("Guard failed: input.size()[0] == 3")


@pytest.mark.filterwarnings("ignore")
def test_a_compiled_or_exported_module_is_the_module_and_torchscript_is_refused(played):
    assert unwrapped(torch.compile(played.after)) is played.after
    found = gradient(played, ExportedProgram(played.before))
    for name, own in gradient(played).gradient.items():
        np.testing.assert_allclose(found.gradient[name], own)
    with pytest.raises(InputError, match="TorchScript"):
        audit(played, torch.jit.script(played.before))
    torch.manual_seed(0)
    with pytest.raises(InputError, match="export it with dynamic_shapes"):
        audit(played, Guarded(4, 1), Guarded(4, 1))


def test_without_torch_networks_are_refused_in_one_line(monkeypatch):
    from undelete.maths.network import torch as load

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match="extra torch"):
        load()


def test_the_attack_never_loads_the_private_side():
    code = (
        "import sys, undelete.attacker.networks.attack; "
        "bad = [m for m in sys.modules if m.startswith(('undelete.maintainer', 'undelete.data', 'undelete.scoring'))]; "
        "assert not bad, bad; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture(scope="module")
def folder(played, tmp_path_factory):
    """The parameters as .safetensors, the code that makes the module, the tables, the preprocessing."""
    place = tmp_path_factory.mktemp("networks")
    file = pytest.importorskip("safetensors.torch")
    for name, module in (("before", played.before), ("after", played.after)):
        file.save_file(module.state_dict(), place / f"{name}.safetensors")
    (place / "net.py").write_text(
        "import torch\n\n\ndef make():\n    return torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Softplus(), "
        "torch.nn.Linear(5, 1))\n\n\ndef other():\n    return torch.nn.Linear(4, 1)\n"
    )
    played.public.to_csv(place / "public.csv", index=False)
    played.private.iloc[[played.row]].to_csv(place / "truth.csv", index=False)
    skops = pytest.importorskip("skops.io")
    skops.dump(played.scale, place / "scale.skops")
    return place


def call(folder, out, *more, architecture="net.py:make"):
    from undelete.cli import main

    return main([
        "audit", "before.safetensors", "after.safetensors", "--architecture", architecture, "--loss", "bce",
        "--l2", "2",
        "--n", "2500", "--public", "public.csv", "--target", "label", "--preprocessing", "scale.skops",
        "--out", str(out), *more,
    ])  # fmt: skip


def test_files_give_on_the_command_line_what_the_modules_do(folder, tmp_path, monkeypatch, capsys, result):
    monkeypatch.chdir(folder)
    assert call(folder, tmp_path, "--truth", "truth.csv") == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "EXPOSED" in said.out
    import json

    document = json.loads((tmp_path / "audit.json").read_text())
    cells = {cell["name"]: cell["recovered"] for cell in document["records"][0]["columns"]}
    assert cells == {name: result.records.iloc[0][name] for name in COLUMNS}


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ("net.py:other", "does not belong to this architecture"),
        ("net.py:nothing", "has no function 'nothing'"),
        ("none.py:make", "there is no file none.py"),
        ("net.py", "FILE.py:FUNCTION"),
    ],
)
def test_an_architecture_that_cannot_be_used_ends_in_one_line(
    folder, tmp_path, monkeypatch, capsys, architecture, message
):
    monkeypatch.chdir(folder)
    assert call(folder, tmp_path, architecture=architecture) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_a_damaged_file_of_parameters_and_one_without_an_architecture_are_refused(folder, tmp_path):
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes((folder / "before.safetensors").read_bytes()[:100])
    table = pd.read_csv(folder / "public.csv")
    with pytest.raises(InputError, match="damaged"):
        undelete.audit(damaged, damaged, table, architecture=str(folder / "net.py:make"), loss="bce")
    with pytest.raises(InputError, match="parameters only"):
        undelete.audit(folder / "before.safetensors", damaged, table)


def test_scikit_learn_s_perceptron_is_the_same_network_and_at_default_settings_is_not_decidable(played):
    import warnings

    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import StandardScaler

    from undelete.adapters.sklearn.perceptron import read_perceptron

    private, few = played.private.iloc[:400], played.public.iloc[:800]
    rest = private.drop(index=[3])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, after = (
            make_pipeline(StandardScaler(), MLPClassifier((6,), random_state=0, max_iter=30)).fit(
                t[COLUMNS], t["label"]
            )
            for t in (private, rest)
        )
    read = read_perceptron(before)
    X = torch.tensor(before[:-1].transform(few[COLUMNS]))
    np.testing.assert_allclose(
        torch.sigmoid(read.module(X)).detach().numpy()[:, 0], before.predict_proba(few[COLUMNS])[:, 1], rtol=1e-10
    )
    found = undelete.audit(before, after, few, target="label", n=400, attacks=("hrec+",))
    assert found.release.X_after is not None
    assert found.verdict.word == "EXPOSED"  # whatever the network does, the scalers' means give the record away
    assert found.verdict.reason.startswith("What the two pipelines store gives the deleted record's 'age', 'hours'")
    assert found.records.loc[0, COLUMNS].tolist() == private.loc[3, COLUMNS].tolist()
    assert (found.found["hrec+"].probability == 1).all()
    kept = Pipeline([("scale", before[0]), ("network", after[-1])])
    found = undelete.audit(before, kept, few, target="label", n=400, attacks=("hrec+",))
    assert found.verdict.word == "NOT DECIDABLE"


def test_what_the_files_give_away_is_a_constraint_of_the_attack_on_a_network(played, result, monkeypatch):
    who = played.private.iloc[played.row]
    monkeypatch.setattr(FromFiles, "exact", lambda self, release: {"age": int(who["age"]), "hours": int(who["hours"])})
    found = audit(played, truth=played.private.iloc[[played.row]], attacks=("hrec+",))
    assert found.records.loc[0, ["age", "hours"]].tolist() == who[["age", "hours"]].tolist()
    place = {column.name: j for j, column in enumerate(found.release.columns)}
    given, before = found.found["hrec+"], result.found["hrec+"]
    assert (given.probability[0, [place["age"], place["hours"]]] == 1).all()
    assert given.confidence[0] > before.confidence[0] + 0.02
    note = next(text for text in found.warnings if text.startswith("Of 2 of 4 columns the files give"))
    assert f"confidence {given.confidence[0]:.2f}, without them {before.confidence[0]:.2f}" in note


def test_a_category_that_left_changes_a_perceptron_s_shape_and_the_files_are_pointed_to(played):
    import warnings

    from sklearn.base import clone
    from sklearn.compose import make_column_transformer
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    private = played.private.iloc[:400].assign(sex=lambda t: t.sex.map({0: "f", 1: "m"}))
    private.loc[3, "sex"] = "x"
    steps = make_column_transformer((OneHotEncoder(), ["sex"]), remainder="passthrough")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pair = [
            make_pipeline(clone(steps), MLPClassifier((3,), random_state=0, max_iter=3)).fit(t[COLUMNS], t["label"])
            for t in (private, private.drop(index=[3]))
        ]
    with pytest.raises(InputError, match=r"differ in '0.weight'.*give 'sex' of the record away.*undelete scan"):
        undelete.audit(*pair, private.drop(index=[3]), target="label", n=400)


def test_only_the_parameters_that_moved_are_attacked_and_named(played):
    before, after = copy.deepcopy(played.before), copy.deepcopy(played.after)
    after[0].load_state_dict(before[0].state_dict())
    found = audit(played, before, after, attacks=("hrec+",))
    assert any("Only 6 of 31 parameters changed (2.weight, 2.bias)" in text for text in found.warnings)
    assert found.document()["model"]["moved"] == ["2.weight", "2.bias"]


def test_adapters_that_were_merged_are_seen_by_the_rank_of_the_change_and_refused(played):
    after = copy.deepcopy(played.before)
    with torch.no_grad():
        after[0].weight += 1e-4 * torch.arange(5)[:, None] * torch.tensor([1.0, -2.0, 0.5, 3.0]).double()
    for given in (played.before, after), tuple(copy.deepcopy(one).float() for one in (played.before, after)):
        with pytest.raises(
            InputError, match=r"0\.weight has rank 1, .* in 4 directions: low-rank adapters .* not merged"
        ):
            audit(played, *given)


def test_a_network_of_too_many_parameters_is_refused_before_the_work(played):
    wide = torch.nn.Sequential(torch.nn.Linear(4, 3000), torch.nn.Softplus(), torch.nn.Linear(3000, 1))
    other = copy.deepcopy(wide)
    torch.nn.init.normal_(other[0].weight)
    torch.nn.init.normal_(other[0].bias)
    torch.nn.init.normal_(other[2].weight)
    with pytest.raises(InputError, match="parameters changed"):
        audit(played, wide, other)


def test_the_gradient_leaves_by_file_and_another_tool_finds_the_record_from_it(played, tmp_path):
    found = undelete.deleted_gradient(
        played.before, played.after, played.public, loss="bce", n=played.n, l2=played.l2, target="label",
        features=played.scale,
    )  # fmt: skip
    found.save(tmp_path / "gradient.npz")
    with np.load(tmp_path / "gradient.npz") as file:
        wanted = {name: torch.tensor(file[f"gradient/{name}"]) for name, _ in played.before.named_parameters()}
        error = {name: torch.tensor(file[f"error/{name}"]) for name in wanted}
    # plain gradient matching in torch alone, each entry weighed by its error bar
    x = torch.zeros(1, 4, dtype=torch.float64, requires_grad=True)
    label = torch.tensor([[played.fit.Y[played.row, 0]]])
    optimiser = torch.optim.LBFGS([x], max_iter=200, line_search_fn="strong_wolfe")
    names = list(wanted)

    def closure():
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(played.before(x), label)
        own = torch.autograd.grad(loss, [dict(played.before.named_parameters())[n] for n in names], create_graph=True)
        off = sum((((g - wanted[n]) / error[n]) ** 2).sum() for n, g in zip(names, own, strict=True))
        off.backward()
        return off

    optimiser.step(closure)
    true = played.fit.X[played.row]
    assert np.linalg.norm(x.detach().numpy()[0] - true) < 0.5 * np.linalg.norm(true)


@pytest.fixture(scope="module")
def perceptrons(played):
    """Two pipelines of a refitted scaler and a perceptron that is far from its optimum."""
    import warnings

    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    private = played.private.iloc[:400]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            make_pipeline(StandardScaler(), MLPClassifier((3,), random_state=0, max_iter=3)).fit(t[COLUMNS], t["label"])
            for t in (private, private.drop(index=[3]))
        ]


def test_a_perceptron_s_public_table_may_have_more_columns_in_another_order(played, perceptrons):
    few = played.public.iloc[:300]
    wide = few.assign(id=range(300))[["id", *reversed(few.columns)]]
    found = undelete.audit(*perceptrons, wide, target="label")
    assert found.release.n == 400  # as the scaler counts
    assert found.records.loc[0, COLUMNS].tolist() == played.private.loc[3, COLUMNS].tolist()


@pytest.mark.parametrize(
    ("table", "more", "words"),
    [
        (lambda t: t, {"l2": 1.0, "weight_decay": 1.0}, "give one of them"),
        (lambda t: t, {"target": "height"}, "height"),
        (lambda t: t.drop(columns="hours"), {}, "no column 'hours', which the preprocessing reads"),
    ],
)
def test_what_the_files_store_is_pointed_to_only_where_no_attack_can_compare_the_two(
    played, perceptrons, table, more, words
):
    with pytest.raises(InputError, match=words) as said:
        undelete.audit(*perceptrons, table(played.public.iloc[:300]), **{"target": "label", **more})
    assert "undelete scan" not in str(said.value)


def test_of_a_column_with_no_such_value_the_files_are_not_said_to_give_it(played, perceptrons):
    from dataclasses import replace

    from undelete.auditing.network_files import FromFiles

    release = undelete.audit(*perceptrons, played.public.iloc[:300], target="label", n=400).release
    files = FromFiles.of(*perceptrons)
    off = replace(
        files, rows=[replace(one, value=one.value + (one.column == "hours") / 3) for one in files.rows], proven=()
    )
    assert "'hours'" in files.leaks(release)[0]
    assert "'hours'" not in off.leaks(release)[0]
    assert "for 'hours', which is no value of that column" in off.not_used(release)[0]


def test_perceptrons_of_several_who_left_are_no_record(played, perceptrons):
    from sklearn.base import clone

    rest = played.private.iloc[4:400]
    after = clone(perceptrons[0]).set_params(mlpclassifier__max_iter=400).fit(rest[COLUMNS], rest["label"])
    found = undelete.audit(perceptrons[0], after, played.public.iloc[:300], target="label")
    assert found.verdict.word == "NOT DECIDABLE"
    assert any("4 records fewer" in check.text for check in found.diagnostics)


def test_a_perceptron_of_default_settings_is_read_from_its_file(perceptrons, tmp_path):
    undelete.save_model(perceptrons[0], tmp_path / "net.skops")  # whose optimiser skops does not list
    assert (undelete.load_model(tmp_path / "net.skops")[-1].coefs_[0] == perceptrons[0][-1].coefs_[0]).all()


class _Attention(torch.nn.Module):
    """A token a column, which attend to each other."""

    def __init__(self):
        super().__init__()
        self.token = torch.nn.Parameter(torch.linspace(-1, 1, 2 * len(COLUMNS)).reshape(len(COLUMNS), 2))
        self.layer = torch.nn.TransformerEncoderLayer(2, 1, 3, dropout=0.0, activation="gelu", batch_first=True)

    def forward(self, x):
        return self.layer(x[:, :, None] * self.token).sum(dim=(1, 2))[:, None]


def test_attention_is_attacked_in_its_unfused_form(played):
    torch.manual_seed(0)
    before = _Attention().double()
    after = copy.deepcopy(before)
    with torch.no_grad():
        after.token += 1e-6
    fast = torch.backends.mha.get_fastpath_enabled()
    found = audit(played, before, after).found["hrec+"]
    assert found.status[0] == "ok"
    assert torch.backends.mha.get_fastpath_enabled() == fast


class _Answers(torch.nn.Module):
    """A network that does something else with its answer, or on the way to it."""

    def __init__(self, inner, way):
        super().__init__()
        self.inner, self.way = inner, way

    def forward(self, x):
        z = self.inner(x)
        if self.way == "branches" and z.sum() > 1e9:
            z = 2 * z
        return {"dictionary": {"logits": z}, "tuple": (z, x)}.get(self.way, z)


@pytest.mark.parametrize(
    ("way", "loss", "said"),
    [
        ("dictionary", "bce", "answers with a dict, and the loss compares one tensor"),
        ("tuple", "bce", "answers with a tuple"),
        ("branches", "bce", "takes no second derivatives of this network and loss, record by record"),
        ("plainly", torch.nn.HuberLoss(), "huber_loss_backward"),
        ("plainly", lambda z, y: 1.0, "the loss returns a float"),
    ],
)
def test_what_has_no_derivatives_record_by_record_is_refused_in_a_line(played, way, loss, said):
    with pytest.raises(InputError, match=said) as told:
        gradient(played, _Answers(played.before, way), after=_Answers(played.after, way), loss=loss)
    assert "\n" not in str(told.value)
