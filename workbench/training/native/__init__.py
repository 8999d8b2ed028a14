"""The native backend: training in compiled code that releases the GIL."""
