"""How close a reconstruction is to the truth: plain functions of arrays."""
