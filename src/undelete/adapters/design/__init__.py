"""A preprocessing as a map from raw columns to features, and how each raw column is read back."""
