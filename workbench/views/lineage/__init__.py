"""The ancestors of a network."""
