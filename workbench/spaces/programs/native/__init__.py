"""The interpreter of programs in compiled code that releases the GIL."""

LANES = 8
"""Values that are processed at once: vectors, and columns of matrices, take a multiple of it in memory."""
