"""Several runs at equal cost."""
