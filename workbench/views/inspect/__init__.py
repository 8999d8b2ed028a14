"""One network from inside."""
