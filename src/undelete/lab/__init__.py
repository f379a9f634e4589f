"""What figures and benchmarks share: populations, samples, models, and results kept on disk."""
