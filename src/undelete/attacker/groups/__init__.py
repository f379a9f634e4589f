"""Several records that left, or joined, at once."""
