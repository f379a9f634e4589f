"""What anyone sees of a deletion, and what an attack makes of it: the types that the attacker knows."""
