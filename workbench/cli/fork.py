"""`workbench fork`."""

from __future__ import annotations

import argparse
import sys

from workbench.cli.search import parse_settings, see_to_the_end
from workbench.cli.workers import chosen_executor
from workbench.errors import ConfigError


def run_fork(arguments: argparse.Namespace) -> int:
    """Branch a past state off, and search on from there with other settings."""
    from workbench.search import Search, fork_run, plan_fork
    from workbench.search.log import log_to

    changes = parse_settings(arguments.set)
    for name in ("seed", "generations", "workers", "child_seconds"):
        if getattr(arguments, name) is not None:
            changes[name] = getattr(arguments, name)
    plan = plan_fork(arguments.run, arguments.generation, changes)
    changed = ", ".join(plan.changes) or "nothing"
    print(f"Fork of {arguments.run} after generation {plan.generation}; changed: {changed}; {plan.cost}")
    if plan.again and not arguments.yes and not _agreed():
        print("Nothing was done.")
        return 1
    done = 0

    def count(_: object) -> None:
        nonlocal done
        done += 1
        if not arguments.quiet:
            print(f"\rtrained again: {done}/{len(plan.again)}", end="", file=sys.stderr, flush=True)

    path = fork_run(plan, arguments.path, root=arguments.root, on_child=count)
    if done and not arguments.quiet:
        print(file=sys.stderr)
    if arguments.only_write:
        print(f"Written: {path}. Go on with: workbench resume {path}")
        return 0
    with log_to(arguments.log), chosen_executor(arguments) as executor:
        return see_to_the_end(Search.resume(path, None, executor, arguments.root), arguments.quiet)


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("nobody can be asked here whether that is worth it; say so with --yes")
    return input("Train them again? [y/N] ").strip().lower() in ("y", "yes")
