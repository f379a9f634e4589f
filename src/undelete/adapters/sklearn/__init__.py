"""Fitted scikit-learn estimators, steps and pipelines, read as they stand."""
