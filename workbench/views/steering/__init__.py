"""The live settings of a search."""
