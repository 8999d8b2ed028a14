"""The command line: `workbench search | resume | fork | replay | show | export | report | latency | data`."""

from workbench.cli.main import main

__all__ = ["main"]
