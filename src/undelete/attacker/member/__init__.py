"""Who was in the training data, and which of some candidates two models differ by."""
