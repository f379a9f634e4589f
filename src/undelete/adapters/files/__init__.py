"""Model files: what is read, what it may hold, and what is written."""
