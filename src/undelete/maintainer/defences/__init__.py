"""Ways to release a model so that a deletion gives less away, each a value with its source and what it proves."""
