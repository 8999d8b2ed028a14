"""The command line: `workbench search | resume | show | export | data`."""

from workbench.cli.main import main

__all__ = ["main"]
