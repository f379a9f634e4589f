"""Records of tables: columns with few values, searched as a lattice."""
