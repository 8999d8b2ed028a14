"""The command line, `workbench`: its commands are listed in `main.py`."""

from workbench.cli.main import main
