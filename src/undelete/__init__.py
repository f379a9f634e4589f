"""Show what a deleted record gives away to whoever kept the old model."""
