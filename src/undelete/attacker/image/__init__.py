"""Records without a lattice, such as images: outputs are weighed, values kept in their range."""
