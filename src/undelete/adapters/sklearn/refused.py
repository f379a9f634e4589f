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
    "it stops after some passes over the records in their order, far from an optimum beside what one record moves; fit "
    "the same model with LogisticRegression, LinearSVC, Ridge or ElasticNet"
)
_GREEDY = "it stops at a number of features, which is no optimum of a loss; fit Lasso or LassoLars with a penalty"
_GROUPED = (
    "its penalty holds features at zero in all outputs together, and an l1 penalty is read of one output; fit the "
    "outputs apart with Lasso or ElasticNet"
)
_SAMPLED = "it is fitted on samples of the records that it draws, so two fits differ by more than a deletion"
_KERNEL = "it is linear in a kernel of its training records, which it stores as they are: use `undelete scan`"

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
    "SGDClassifier": _ANYWHERE,
    "SGDRegressor": _ANYWHERE,
    "PassiveAggressiveClassifier": _ANYWHERE,
    "PassiveAggressiveRegressor": _ANYWHERE,
    "Lars": _GREEDY,
    "LarsCV": _GREEDY,
    "OrthogonalMatchingPursuit": _GREEDY,
    "OrthogonalMatchingPursuitCV": _GREEDY,
    "MultiTaskLasso": _GROUPED,
    "MultiTaskLassoCV": _GROUPED,
    "MultiTaskElasticNet": _GROUPED,
    "MultiTaskElasticNetCV": _GROUPED,
    "RANSACRegressor": _SAMPLED,
    "TheilSenRegressor": _SAMPLED,
    "BaggingClassifier": _SAMPLED,
    "BaggingRegressor": _SAMPLED,
    "ARDRegression": (
        "it leaves features out where its estimate of their penalty grows, of which nothing is known afterwards; fit "
        "BayesianRidge or Lasso"
    ),
    "HuberRegressor": (
        "it fits a scale with the coefficients, which moves with each deletion and changes every record's pull; fit "
        "LinearSVR with the squared epsilon-insensitive loss, or Ridge"
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
