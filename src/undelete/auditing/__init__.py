"""Where both sides meet: inputs are read, attacks are run, and what came back becomes a verdict and an `Audit`."""
