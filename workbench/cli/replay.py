"""`workbench replay`."""

from __future__ import annotations

import argparse


def run_replay(arguments: argparse.Namespace) -> int:
    """Make a run again and say whether it is the same: status 0 if so, else 1."""
    from workbench.cli.workers import chosen_executor
    from workbench.search import replay

    with chosen_executor(arguments) as executor:
        made = replay(
            arguments.run,
            arguments.path,
            root=arguments.root,
            executor=executor,
            workers=arguments.workers,
            progress=not arguments.quiet,
        )
    compared = made.comparison
    print(
        f"{arguments.run}: compared {compared.individuals} individuals, {compared.genomes} genomes, "
        f"{compared.generations} generations and {compared.events} events with the replay"
        + (f" in {made.path}" if made.path else "")
    )
    if made.is_same:
        print("Everything is the same, bit for bit.")
        return 0
    print(f"It differs: {compared.difference}")
    return 1
