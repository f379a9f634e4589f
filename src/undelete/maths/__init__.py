"""Pure functions of arrays, used by both sides; they hold no data and know no side."""
