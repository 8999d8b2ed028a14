"""Changing a network by hand."""
