"""Estimators of scikit-learn that are linear, or made of linear ones, and that are not audited: why, and what to do."""

from __future__ import annotations

_STORED = (
    "it stores the means (and spreads) of its training records by class, and no optimum: two of them give the deleted "
    "record away without any attack; use `undelete scan BEFORE AFTER`"
)
_FLAT = (
    "its loss has no curvature, so a record pulls in full or not at all, and the change of the model is no smooth "
    "function of it; LogisticRegression, LinearSVC with the squared hinge, or LinearSVR with the squared loss are read"
)
_ANYWHERE = (
    "each of its steps goes as far as one record asks for, towards no optimum of all; fit the same model with "
    "LogisticRegression, LinearSVC, Ridge or ElasticNet"
)
_SAMPLED = "it is fitted on samples of the records that it draws, so two fits differ by more than a deletion"
_KERNEL = "it is linear in a kernel of its training records, which it stores as they are: use `undelete scan`"

SCANNED = (_STORED, _KERNEL)
NOT_READ: dict[str, str] = {
    "GaussianNB": _STORED,
    "MultinomialNB": _STORED,
    "BernoulliNB": _STORED,
    "ComplementNB": _STORED,
    "CategoricalNB": _STORED,
    "LinearDiscriminantAnalysis": _STORED,
    "QuadraticDiscriminantAnalysis": _STORED,
    "NearestCentroid": _STORED,
    "Perceptron": _FLAT,
    "QuantileRegressor": _FLAT,
    "SGDOneClassSVM": _FLAT,
    "PassiveAggressiveClassifier": _ANYWHERE,
    "PassiveAggressiveRegressor": _ANYWHERE,
    "RANSACRegressor": _SAMPLED,
    "TheilSenRegressor": _SAMPLED,
    "BaggingClassifier": _SAMPLED,
    "BaggingRegressor": _SAMPLED,
    "OneVsOneClassifier": (
        "each of its models is fitted on the records of two classes, and which of them had the deleted one is not "
        "known; fit it with OneVsRestClassifier, or as one softmax"
    ),
    "OutputCodeClassifier": "it draws what its models tell apart, so two fits mean different things",
    "PLSRegression": (
        "it stops at a number of components, which is no optimum of a loss; `undelete scan` lists the means that it "
        "stores"
    ),
    "SVC": _KERNEL,
    "OneClassSVM": _KERNEL,
    "NuSVC": _KERNEL,
    "SVR": _KERNEL,
    "NuSVR": _KERNEL,
    "KernelRidge": _KERNEL,
    "GaussianProcessRegressor": _KERNEL,
    "GaussianProcessClassifier": _KERNEL,
}
