"""The native backend: training in compiled code that releases the GIL."""

VERSION = "2"
"""Of what the kernels compute to the last bit: a run stores it. Runs begun with version 1 store none."""
