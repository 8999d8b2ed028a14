"""A network as text."""
