"""Steps that cannot be read, refitted without one record: what comes back of it, or the reason why nothing does."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

import undelete
from undelete.adapters.design.probed import Probed
from undelete.adapters.refitted import refitted
from undelete.adapters.refolded import fold_error
from undelete.adapters.sklearn.pipeline import from_sklearn
from undelete.errors import InputError
from undelete.maths.losses import loss_of

N = 2000
NUMBERS = ["age", "rooms"]
WHO = 7


def tenants(seed, gaps=False):
    """A made-up town: ages, rooms, who owns, and whether the rent is late."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "age": rng.integers(20, 60, N).astype(float),
            "rooms": rng.integers(1, 7, N),
            "home": rng.choice(["flat", "house", "boat"], N, p=[0.5, 0.4, 0.1]),
        }
    )
    score = 0.06 * (table.age - 40) - 0.4 * (table.rooms - 3) + 0.9 * (table.home == "flat") + rng.logistic(size=N)
    if gaps:
        table["age"] = table.age.mask(rng.random(N) < 0.15)
    return table.assign(late=np.where(score > 0, "yes", "no"))


def prepared(*steps, encoder=None):
    numbers = steps[0] if len(steps) == 1 else make_pipeline(*steps)
    return make_column_transformer((numbers, NUMBERS), (encoder or OneHotEncoder(sparse_output=False), ["home"]))


class Halved(TransformerMixin, BaseEstimator):
    """Somebody's own transformer."""

    def fit(self, X, y=None):
        self.middle_ = np.asarray(X, dtype=float).mean(axis=0)
        return self

    def transform(self, X):
        return np.tanh((np.asarray(X, dtype=float) - self.middle_) / 20)


def median():
    return SimpleImputer(strategy="median")


# what stands before the model, and which of the columns age, rooms, home can be read off its features
READ = {
    "splines": (lambda: prepared(SimpleImputer(), SplineTransformer()), "age rooms home"),
    "bins": (lambda: prepared(KBinsDiscretizer(5, strategy="uniform")), "home"),
    "quantiles": (lambda: prepared(QuantileTransformer(n_quantiles=50, output_distribution="normal")), "age home"),
    "powers": (lambda: prepared(PowerTransformer()), "age rooms home"),
    "a function of NumPy": (lambda: prepared(FunctionTransformer(np.log1p), StandardScaler()), "age rooms home"),
    "a target encoder": (
        lambda: prepared(StandardScaler(), encoder=TargetEncoder(shuffle=False, cv=2)),
        "rooms home",
    ),
    "all components": (
        lambda: make_pipeline(prepared(StandardScaler(), encoder=OneHotEncoder(drop="first")), PCA()),
        "age rooms home",
    ),
    "the best features": (lambda: make_pipeline(prepared(StandardScaler()), SelectKBest(k=4)), "age rooms home"),
    "those that vary": (lambda: make_pipeline(prepared(StandardScaler()), VarianceThreshold(0.01)), "age rooms home"),
    "a union": (
        lambda: make_pipeline(prepared(StandardScaler()), FeatureUnion([("p", PCA(2)), ("s", MinMaxScaler())])),
        "age rooms home",
    ),
    "sparse output": (
        lambda: prepared(KBinsDiscretizer(5, strategy="uniform"), encoder=OneHotEncoder()),
        "home",
    ),
    "random Fourier features drawn alike": (
        lambda: make_pipeline(prepared(StandardScaler()), RBFSampler(gamma=0.05, n_components=60, random_state=0)),
        "home",
    ),
    "one's own transformer": (lambda: prepared(Halved()), "age rooms home"),
}  # fmt: skip

# with missing cells, which the refit fills otherwise
FILLED = {
    "the mean": lambda: prepared(SimpleImputer(), StandardScaler()),
    "the median": lambda: prepared(median(), MinMaxScaler()),
    "a regression": lambda: prepared(IterativeImputer(), StandardScaler()),
}

REFUSED = {
    "a basis drawn anew": (
        lambda: make_pipeline(prepared(StandardScaler()), Nystroem(gamma=0.1, n_components=30, random_state=0)),
        "different embeddings, which are drawn anew in each fit",
    ),
    "features drawn anew": (
        lambda: make_pipeline(prepared(StandardScaler()), RBFSampler(gamma=0.1, n_components=30)),
        "different embeddings, which are drawn anew in each fit",
    ),
    "an embedding of some columns": (
        lambda: make_column_transformer((RBFSampler(), NUMBERS), (OneHotEncoder(), ["home"])),
        "RBFSampler inside another step",
    ),
}


@cache
def towns(gaps=False):
    return tenants(0, gaps), tenants(1, gaps)


def audited(make, gaps=False, who=WHO, **more):
    private, public = towns(gaps)
    fits = []
    for rows in (private, private.drop(index=who)):
        last = LogisticRegression(C=10.0, solver="newton-cholesky", tol=1e-10)
        fits.append(make_pipeline(make(), last).fit(rows.drop(columns="late"), rows.late))
    return undelete.audit(
        *fits, public, target="late", truth=private.loc[[who]], n=N, attacks=["hrec+"], **more
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:.TargetEncoder.shuffle:FutureWarning")  # older versions have no other way
@pytest.mark.parametrize("name", READ)
def test_the_record_and_its_columns_come_back(name):
    make, readable = READ[name]
    result = audited(make)
    scores = result.scores.set_index("score").value
    assert scores["centred_cosine"] > 0.97
    found, truth = result.records.iloc[0], towns()[0].loc[WHO]
    for column in readable.split():
        assert str(found[column]) == str(truth[column]).removesuffix(".0") or found[column] == truth[column], column
    assert found["late"] == truth["late"]


@pytest.mark.parametrize("name", FILLED)
@pytest.mark.parametrize("missing", [False, True])
def test_missing_cells_that_a_refit_fills_otherwise(name, missing):
    private = towns(gaps=True)[0]
    who = int(np.flatnonzero(private.age.isna().to_numpy() == missing)[3])
    result = audited(FILLED[name], gaps=True, who=who)
    assert result.scores.set_index("score").value["centred_cosine"] > 0.95
    found = result.records.iloc[0]
    assert found["home"] == private.home[who]
    assert found["rooms"] == private.rooms[who]
    if not missing:
        assert abs(float(found["age"]) - private.age[who]) <= 1


@cache
def seniors():
    """Two towns with years of tenure, some missing, which go with age: what fills them differs by the record."""
    made = []
    for seed in (0, 1):
        town, rng = tenants(seed), np.random.default_rng(seed)
        years = np.round((town.age - 20) / 8 + rng.normal(0, 1, N)).clip(0)
        made.append(town.assign(years=years.mask(rng.random(N) < 0.15)))
    return made


def frozen(imputer, who, years=None):
    """An audit of one deletion behind an imputer that is not fitted again."""
    private, public = (town if years is None else town.assign(years=years(town)) for town in seniors())
    numbers = make_pipeline(imputer, StandardScaler())
    steps = FrozenEstimator(
        make_column_transformer((numbers, [*NUMBERS, "years"]), (OneHotEncoder(), ["home"])).fit(private)
    )
    last = LogisticRegression(C=10.0, solver="newton-cholesky", tol=1e-10)
    fits = [
        make_pipeline(steps, clone(last)).fit(t.drop(columns="late"), t.late)
        for t in (private, private.drop(index=who))
    ]
    return undelete.audit(*fits, public, target="late", n=N, attacks=["hrec+"])


@pytest.mark.parametrize("imputer", [KNNImputer(n_neighbors=1), IterativeImputer()])
def test_a_filling_that_depends_on_the_rest_of_the_record_is_not_told_as_the_cell(imputer):
    private, public = seniors()
    result = frozen(imputer, int(private.index[private.years.isna()][6]))
    found, j = result.found["hrec+"], [c.name for c in result.release.columns].index("years")
    column = result.release.columns[j]
    missing_cell = found.candidates[0, j] == len(column.values) - 1
    assert found.candidate_probability[0, j][missing_cell].sum() > 0.1
    assert result.records.years[0] == "missing" or found.probability[0, j] < 0.95
    assert column.share[-1] == pytest.approx(public.years.isna().mean())  # all ways to fill it together


def test_of_a_continuous_column_a_filling_that_depends_on_the_rest_is_said_to_be_possible():
    result = frozen(KNNImputer(), 5, years=lambda town: town.years + town.age / 777)
    assert sum("'years'" in text and "may be such a filling" in text for text in result.warnings) == 1


def test_neighbours_of_whom_one_is_deleted_leave_the_case_open():
    """Whose cells the deleted record had filled moved by as much as the record itself pulls."""
    private = towns(gaps=True)[0]
    who = int(np.flatnonzero(private.age.notna())[3])
    result = audited(lambda: prepared(KNNImputer(), StandardScaler()), gaps=True, who=who)
    assert result.verdict.word == "NOT DECIDABLE"
    unseen = int(np.flatnonzero(private.age.isna())[3])  # nobody's neighbour: its own cell is what is missing
    result = audited(lambda: prepared(KNNImputer(), StandardScaler()), gaps=True, who=unseen)
    assert result.scores.set_index("score").value["centred_cosine"] > 0.97


@pytest.mark.filterwarnings("ignore:.*random_state. are deprecated:FutureWarning")
def test_folds_that_are_dealt_anew_are_noise_of_the_size_that_public_records_say():
    private, public = towns()
    last = LogisticRegression(solver="newton-cholesky", tol=1e-10)
    seen = public.drop(columns="late")
    Y = np.where(public.late.to_numpy()[:, None] == "yes", 1.0, -1.0)

    def fitted(rows, seed):
        encoder = TargetEncoder(random_state=seed)
        steps = make_pipeline(prepared(StandardScaler(), encoder=encoder), clone(last))
        return from_sklearn(steps.fit(rows.drop(columns="late"), rows.late), public, "late")

    old, ratios = fitted(private, 100), []
    X, own = old.features(seen), old.features(private)
    error = fold_error(old, seen, X, Y, loss_of(old.loss), N)
    for i in range(5):
        later = refitted(old, fitted(private.drop(index=i), i), seen, X, None, N)
        t = later["answer_change"][0]
        pull = own[i] * (1 / (1 + np.exp(-own[i] @ old.W[:, 0])) - (private.late[i] == "yes"))
        off = (N - 1) * (X * t).mean(axis=0) + later["penalty_share"][0, :, 0] + pull
        for dealt in (error[0], 0.0):
            C = dealt + 2 * N * np.cov((X * t).T, bias=True)
            ratios.append(off @ np.linalg.pinv(C, rcond=1e-6) @ off / X.shape[1])
    assert 0.3 < np.mean(ratios[::2]) < 2
    assert np.mean(ratios[1::2]) > 10 * np.mean(ratios[::2])  # without it the bars are too short


@pytest.mark.parametrize("filled", [False, True])
def test_folds_dealt_anew_hide_the_rest_of_a_record_whose_category_and_class_the_files_give_away(filled):
    """Also of an encoder in a pipeline, which asks its steps whether they were fitted."""
    np.random.seed(0)  # noqa: NPY002 (the folds are dealt by it)
    imputer = SimpleImputer(strategy="most_frequent")
    encoder = make_pipeline(imputer, TargetEncoder()) if filled else TargetEncoder()
    result = audited(lambda: prepared(KBinsDiscretizer(5), encoder=encoder))
    found, truth = result.records.iloc[0], towns()[0].loc[WHO]
    assert (found["home"], found["late"]) == (truth["home"], truth["late"])
    assert result.verdict.word == "PARTLY EXPOSED"
    assert "'home'" in result.verdict.reason
    assert any("own target" in text for text in result.warnings)


@pytest.mark.parametrize("name", REFUSED)
def test_what_means_something_else_in_each_fit_is_refused(name):
    make, message = REFUSED[name]
    with pytest.raises(InputError, match=message) as error:
        audited(make)
    assert "\n" not in str(error.value)


def test_components_of_fewer_directions_than_columns_give_the_record_but_not_its_columns():
    result = audited(lambda: make_pipeline(prepared(RobustScaler()), TruncatedSVD(2)))
    assert result.scores.set_index("score").value["centred_cosine"] > 0.97
    assert result.verdict.word != "EXPOSED"


def test_steps_that_choose_other_features_after_the_deletion_are_refused():
    private, public = towns()
    table = private.drop(columns="late")
    fits = []
    for k in ([0, 1], [0, 2]):

        class Chosen(TransformerMixin, BaseEstimator):
            picked = k

            def fit(self, X, y=None):
                return self

            def transform(self, X):
                return np.asarray(X, dtype=float)[:, self.picked]

        steps = make_pipeline(prepared(StandardScaler()), Chosen(), LogisticRegression(C=10.0))
        fits.append(steps.fit(table, private.late))
    with pytest.raises(InputError, match="made features that the old model has not"):
        undelete.audit(*fits, public, target="late", n=N)


def test_a_step_that_is_random_is_refused():
    class Shaken(Halved):
        def transform(self, X):
            return super().transform(X) + np.random.default_rng().normal(size=np.shape(X))

    with pytest.raises(InputError, match=r"decides otherwise on the public records|other features of the same records"):
        audited(lambda: prepared(Shaken()))


def test_the_terms_of_a_value_are_what_the_steps_make_of_it():
    private, public = towns()
    pipeline = make_pipeline(prepared(SplineTransformer()), LogisticRegression()).fit(
        private.drop(columns="late"), private.late
    )
    model = from_sklearn(pipeline, public, "late")
    assert isinstance(model.design, Probed)
    columns, codes, _ = model.design.columns(public)
    X = model.features(public)
    for j, column in enumerate(columns):
        assert column.projection.shape[1] > 0
        np.testing.assert_allclose(X @ column.projection, column.terms[codes[:, j]], atol=1e-9)


def test_a_category_that_only_the_model_knows_may_be_the_deleted_record_s():
    private, public = towns()
    private = private.assign(home=private.home.where(private.index != WHO, "tent"))
    fits = [
        make_pipeline(
            prepared(SplineTransformer(), encoder=OneHotEncoder(handle_unknown="ignore")), LogisticRegression()
        ).fit(rows.drop(columns="late"), rows.late)
        for rows in (private, private.drop(WHO))
    ]
    result = undelete.audit(*fits, public, target="late", truth=private.loc[[WHO]], n=N, attacks=["hrec+"])
    assert result.records.iloc[0]["home"] == "tent"
    assert any("lacks a category" in text for text in result.warnings)


def test_cells_of_an_encoder_before_other_steps_may_be_written_otherwise():
    private, public = towns()
    words = private.assign(home=np.where(private.home == "flat", "True", "False"))
    steps = make_pipeline(prepared(KBinsDiscretizer(5), encoder=TargetEncoder()), LogisticRegression())
    model = from_sklearn(steps.fit(words.drop(columns="late"), words.late), None, "late")
    logical = public.assign(home=public.home == "flat")  # as a reader of the file takes it
    np.testing.assert_array_equal(
        model.features(logical), model.features(logical.assign(home=logical.home.astype(str)))
    )


def test_columns_may_have_any_name():
    """Also those of arguments, and numbers."""
    names = {"age": "self", "rooms": 0, "home": "a=b"}
    private, public = (tenants(seed).rename(columns=names) for seed in (0, 1))
    steps = make_column_transformer((SplineTransformer(), ["self"]), ("passthrough", [0]), (OneHotEncoder(), ["a=b"]))
    pair = []
    for rows in (private, private.drop(index=WHO)):
        X = rows.drop(columns="late")
        X.columns = [str(name) for name in X.columns]
        model = make_column_transformer(*[(step, [str(name) for name in of]) for _, step, of in steps.transformers])
        pair.append(make_pipeline(model, LogisticRegression(tol=1e-8, max_iter=1000)).fit(X, rows.late))
    audit = undelete.audit(*pair, public, target="late", n=N)
    assert list(audit.records.columns)[:3] == ["self", "0", "a=b"]
