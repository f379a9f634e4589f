"""The private side: fits models, retrains them without a record, plays deletions."""
