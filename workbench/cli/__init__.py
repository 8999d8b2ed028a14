"""The command line: `workbench search | resume | fork | replay | compact | show | export | report | latency | data`."""

from workbench.cli.main import main
