"""The attack on any architecture, paper Section 3.2, by products with derivatives. Needs torch, the extra."""
