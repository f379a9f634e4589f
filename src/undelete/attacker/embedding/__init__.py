"""Records behind an embedding: the map is inverted."""
