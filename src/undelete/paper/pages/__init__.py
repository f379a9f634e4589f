"""The pages of docs/results, and an experiment's result in a terminal."""
