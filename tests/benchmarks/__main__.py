"""`make bench`: all tables, as ratios against references measured in the same run; ONLY="part of title" picks some."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bench_generation
import bench_inference
import bench_mutations
import bench_parts
import bench_peers
import bench_programs
import bench_scaling
import bench_start
import bench_training
import bench_views
import pandas as pd

from workbench.cli.tables import print_table

TABLES = {
    "Training, one thread": bench_training.rows,
    "A training step in other libraries, one core": bench_peers.rows,
    "A training step of convolutions, one core": bench_peers.convolutions,
    "Inference of few images, one thread": bench_inference.rows,
    "Mutations at 110,000 edges": bench_mutations.rows,
    "Mutations at 1,000,000 edges": bench_mutations.rows_of_a_million,
    "Two threads: a generation of 8": bench_scaling.by_cores,
    "A generation in one launch": bench_generation.rows,
    "Children per minute of a search": bench_scaling.children_per_minute,
    "Parts of a search, a child": bench_parts.rows,
    "Growth with edges": bench_scaling.by_edges,
    "Growth with the batch": bench_scaling.by_batch,
    "Programs, one thread": bench_programs.rows,
    "Programs a second of a search, digits": bench_programs.programs_per_second,
    "Start": bench_start.rows,
    "Views of 10,000 individuals, main thread": bench_views.rows,
}


def main() -> None:
    """Print every table, or those whose title contains the argument."""
    part = " ".join(sys.argv[1:]).lower()
    chosen = {title: rows for title, rows in TABLES.items() if part in title.lower()}
    if not chosen:
        sys.exit(f"no title contains {part!r}; there are: {'; '.join(TABLES)}")
    for number, (title, rows) in enumerate(chosen.items(), start=1):
        print(f"{number} of {len(chosen)}: {title} …", file=sys.stderr, flush=True)
        started = time.perf_counter()
        print_table(pd.DataFrame(rows()).fillna(""), title)
        print(f"took {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)


main()
