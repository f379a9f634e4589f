"""Minus the deleted gradient: how it is had, its error, and its scale. Every decoder starts from it."""
