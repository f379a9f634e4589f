"""Models of R's, written by contrib/undelete.R and read here; skipped where there is no R."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import undelete
from tests.models.conftest import WHO, customers
from undelete.adapters.targets import encode_target
from undelete.attacker.gradient.difference import Difference
from undelete.auditing.released import read_pair

SCRIPT = Path(__file__).parents[2] / "contrib" / "undelete.R"
MODELS = {
    "lm": ("lm(wage ~ age * town + poly(children, 2) + member, d)", "wage", ""),
    "sums": ("lm(wage ~ town + I(age^2) + age, d, contrasts = list(town = contr.sum))", "wage", ""),
    "functions": ("lm(wage ~ log(age) * town + I(log(1 + children)^2) + scale(age) + sqrt(children), d)", "wage", ""),
    "logit": ("glm(kind ~ age + town + factor(member), binomial, d, epsilon = 1e-14)", "kind", ""),
    "probit": ('glm(left ~ age + town, binomial("probit"), d, epsilon = 1e-14)', "left", ""),
    "counts": ("glm(visits ~ age + children + town, poisson, d, epsilon = 1e-14)", "visits", ""),
    "sizes": ('glm(spent ~ age + town, Gamma("log"), d, epsilon = 1e-14)', "spent", ""),
    "offsets": (
        "glm(visits ~ age + town + offset(log(years / 10)), poisson, d, offset = extra, epsilon = 1e-14)",
        "visits",
        "",
    ),
    "least squares with an offset": ("lm(wage ~ age + offset(extra), d)", "wage", ""),
    "net of counts": (
        'glmnet(x(d), d$visits, "poisson", offset = log(d$years), thresh = 1e-16)',
        "visits",
        ", s = 0.05, x = x(d)",
    ),
    "overdispersed": ("glm(visits ~ age + town, MASS::negative.binomial(2), d, epsilon = 1e-14)", "visits", ""),
    "theta fitted": ("MASS::glm.nb(calls ~ age + town, d, epsilon = 1e-14)", "calls", ""),
    "net": ("glmnet(x(d), d$wage, alpha = 0.5, thresh = 1e-16)", "wage", ", s = 0.1, x = x(d), y = d$wage"),
    "units": ("lm(wage ~ I(age / 10) * town + I(2 * (children - 1)) + relevel(town, 'south'), d)", "wage", ""),
    "levels that never meet": ("lm(wage ~ town:group + age, d)", "wage", ""),
    "analysis of variance": ("aov(wage ~ town + group, d)", "wage", ""),
    "levels in full": ("lm(wage ~ town:age + member, d)", "wage", ""),
    "no intercept": ("lm(wage ~ age + town - 1, d)", "wage", ""),
    "quoted": ("lm(wage ~ town + `number of children`, d)", "wage", ""),
    "net of some": (
        "glmnet(x(d), d$wage, alpha = 0.5, penalty.factor = c(0, 1, 2), intercept = FALSE, thresh = 1e-16)",
        "wage",
        ", s = 0.1, x = x(d), y = d$wage",
    ),
    "weighted": ("lm(wage ~ age + town, d, weights = w)", "wage", ""),
    "weighted counts": ("glm(visits ~ age + town, poisson, d, weights = w, epsilon = 1e-14)", "visits", ""),
    "net of weighted": (
        "glmnet(x(d), d$wage, alpha = 0.5, weights = d$w, thresh = 1e-16)",
        "wage",
        ", s = 0.1, x = x(d), y = d$wage",
    ),
    "net of classes": ('glmnet(x(d), d$left, "binomial", thresh = 1e-16)', "left", ", s = 0.01, x = x(d)"),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Every model with the record and without it, by one run of R; those of glmnet and MASS where these are."""
    if shutil.which("Rscript") is None:
        pytest.skip("there is no R")
    place = tmp_path_factory.mktemp("r")
    table = customers(300).assign(
        kind=lambda t: np.where(t.left == 1, "yes", "no"), years=lambda t: 1 + t.age % 7, extra=lambda t: t.age % 3 / 2,
        calls=lambda t: t.visits**2, w=lambda t: np.where(t.index == WHO, 1, 1 + t.age % 3) / 2,
    ).assign(**{
        "number of children": lambda t: t.children, "group": lambda t: np.where(t.town == "north", "a", "b"),
    })  # fmt: skip
    table.to_csv(place / "d.csv", index=False)
    lines = [
        f"source({json.dumps(str(SCRIPT))})", f"setwd({json.dumps(str(place))})",
        "all <- read.csv('d.csv', stringsAsFactors = TRUE, check.names = FALSE)",
        "x <- function(d) as.matrix(d[c('age', 'children', 'member')])",
        "nets <- suppressMessages(require(glmnet, quietly = TRUE))",
        "mass <- requireNamespace('MASS', quietly = TRUE)",
    ]  # fmt: skip
    for name, (fit, _, more) in MODELS.items():
        for file, rows in (("before", ""), ("after", f"-{WHO + 1}")):
            inside = f"d <- all[{rows},]; undelete_write({fit}, '{name}-{file}.json'{more})"
            needed = "nets" if "net" in name else "mass" if "MASS" in fit else "TRUE"
            lines.append(f"if ({needed}) {{ {inside} }}")
    (place / "run.R").write_text("\n".join(lines))
    done = subprocess.run(["Rscript", "--vanilla", place / "run.R"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return place, table


@pytest.mark.parametrize("name", MODELS)
def test_with_the_remaining_records_in_place_of_public_ones_the_gradient_is_exact(written, name):
    place, table = written
    files = [place / f"{name}-{which}.json" for which in ("before", "after")]
    if not files[0].exists():
        pytest.skip("R has no glmnet, or no MASS")
    target = MODELS[name][1]
    public = pd.read_csv(place / "d.csv").drop(index=WHO)
    weight = None
    if "weighted" in name:  # a record of weight 2 is two, beside a deleted one of weight 1
        public, weight = public.loc[np.repeat(public.index, (2 * public.w).astype(int))].assign(ones=1.0), "ones"
    found = read_pair(*files, public, target=target, sample_weight=weight)
    assert found.release.n == (len(table) if weight is None else len(public) + 1)
    record = table.loc[[WHO]]
    x, Y = found.old.features(record), encode_target(found.old, record[target], target)
    exact = -(x * found.release.loss.residual(Y, found.old.decision(record)))[0]
    exact = exact if found.kept is None else exact[found.kept]
    told = Difference.by(found.release, "answers").gradient[0, :, 0]
    # glmnet's own classes and counts stop at a change of 1e-6
    np.testing.assert_allclose(told, exact, atol=(1e-3 if name.startswith("net of") else 1e-5) * np.abs(exact).max())


def test_an_audit_of_a_model_of_r_gives_the_record_back(written):
    place, table = written
    files = [place / f"logit-{which}.json" for which in ("before", "after")]
    public = customers(800, seed=4).assign(kind=lambda t: np.where(t.left == 1, "yes", "no"))
    found = undelete.audit(*files, public[["age", "town", "member", "kind"]], target="kind", truth=table.loc[[WHO]])
    assert found.summary().loc["hrec+", "median_centred_cosine"] > 0.9
    assert found.records.loc[0, "kind"] == table.kind[WHO]


REFUSED = {
    "lm(wage ~ log(age + 2), d)": "log(age + 2) is a function of a column that has no name",
    "glm(visits ~ age + offset(sqrt(age)), poisson, d)": "the offset sqrt(age) is no column",
    "glm(visits ~ age + offset(log(age * years)), poisson, d)": "the offset age * years is no column",
    "glm(visits ~ age - 1 + offset(log(2 * age)), poisson, d)": "the offset has a number added",
    "glm(spent ~ age, Gamma, d)": "not Gamma inverse",
    "structure(lm(wage ~ age, d), class = c('gam', 'lm'))": "gam is not lm: it minimises another objective",
    "lm(wage ~ 1, d)": "the formula has no column",
    "glm(left ~ town + age + group, binomial, d, epsilon = 1e-14)": "groupb is, which glm did not see",
    "glm(age / 100 ~ town, quasibinomial, d)": "the response is a share",
}


def test_refusals(written):
    place, _ = written
    tried = (f"tryCatch(undelete_write({fit}, 'refused.json'), error = function(e) cat(conditionMessage(e), '\\n'))"
             for fit in REFUSED)  # fmt: skip
    start = f"source({json.dumps(str(SCRIPT))}); setwd({json.dumps(str(place))})"
    code = "; ".join([start, "d <- read.csv('d.csv', stringsAsFactors = TRUE)", *tried])
    done = subprocess.run(["Rscript", "--vanilla", "-e", code], capture_output=True, text=True, timeout=60)
    said = done.stdout.splitlines()
    assert len(said) == len(REFUSED), done
    assert all(why in line for why, line in zip(REFUSED.values(), said, strict=True))
    assert not (place / "refused.json").exists()
