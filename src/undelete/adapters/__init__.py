"""What users bring, scikit-learn estimators, pipelines and files, as `LinearModel`."""
