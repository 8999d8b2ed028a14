"""Run control, progress and log."""
