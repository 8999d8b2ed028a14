"""Pages of reference made from the declarations of the package: settings, commands, and the tables of a run file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from workbench.cli.main import COMMANDS, build_parser
from workbench.mutations import MutationRates
from workbench.search.config import SearchConfig
from workbench.settings import Setting, all_settings, settings_of
from workbench.spaces import SPACES
from workbench.store.schema import APPLICATION_ID, SCHEMA_VERSION, TABLES

ROOT = Path(__file__).parents[2]

MEANING = {
    "run": {
        "key": "`space_name`, `space_config`, `search_config`, `dataset`, `seed`, `versions`, `cpu`, `origin`, "
        "`format_version`, `created_at` or `state`",
        "value": "JSON",
    },
    "individuals": {
        "id": "counts up in the order of proposal; those inserted by hand have numbers of their own, from far above",
        "parent": "id of the parent; null if it was drawn anew",
        "generation": "in which it was made; 0 is the initial population",
        "origin": "how it came: initial, mutation, by hand, …",
        "mutation_kind": "name of the mutation",
        "seed": "of its random numbers, as text, since it may exceed 64 bits",
        "status": "whether it was trained and measured",
        "failure": "why not",
        "val_accuracy": "on the validation split, after training",
        "initial_val_accuracy": "before training",
        "flops": "2 per edge, or 2 · MACs",
        "flops_total": "with biases, normalisation and activations",
        "parameters": "weights, shared ones counted once, and biases",
        "latency_us": "predicted microseconds of one answer, if latency is an objective",
        "epochs": "trained; null exactly if training gave no result",
        "wall_seconds": "from the start of its work to the end",
        "finished_at": "ISO 8601, UTC",
        "outcome_failure": "why its training ended early",
        "mutation": "JSON: the record of the mutation",
        "history": "JSON: a row for each epoch",
        "description": "JSON: what the space says of it",
    },
    "genomes": {
        "individual": "its id",
        "form": "whether weights are kept",
        "blob": "the genome as the space encodes it: plain arrays, never pickle",
    },
    "generations": {
        "generation": "0 is the initial population",
        "population": "JSON: ids alive after ranking",
        "front": "JSON: ids of the all-time front",
        "hypervolume": "of the front",
        "best_accuracy": "highest validation accuracy of the front",
        "n_evaluated": "individuals of this generation, failed ones included",
        "n_failed": "how many of them failed",
        "epochs": "trained in it, over all its individuals",
        "wall_seconds": "from its first proposal to its ranking",
        "finished_at": "ISO 8601, UTC",
    },
    "events": {
        "sequence": "a replay follows this order",
        "kind": "settings, fork, length, by hand, …",
        "from_child": "id of the first individual that it affects",
        "generation": "in which it came",
        "values": "JSON: what changed",
        "time": "when it came, ISO 8601, UTC",
    },
}
"""Of the columns of a run file, by table."""


def on_files(files: Files, config: Any) -> Files:
    """The pages of the site and those made from declarations."""
    pages = {
        "settings": settings_page(),
        "run-file": run_file_page(),
        "commands": commands_page(),
        "views": views_page(),
    }
    for name, content in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=content))
    return files


def settings_page() -> str:
    """Every setting in tables."""
    parts = [
        "# Settings",
        "Each is declared once, in the record that it belongs to; sliders, checks, `--set` and these tables come from "
        "there. Values are given as `--set NAME=VALUE` on the command line, as keyword arguments of `wb.preset`, or as "
        "fields of the records. *Live* ones may change while a search runs. Presets set some of them: "
        "`workbench search --settings --preset best --data mnist` prints its values.",
        "## Search",
        "Fields of `wb.SearchConfig`.",
        table_of(one for one in all_settings(SearchConfig) if one.name != "rates"),
    ]
    for name, kind in SPACES.items():
        rates = kind.rates_record
        parts += [f"## Space `{name}`", (kind.__doc__ or "").partition("\n")[0]]
        if rates is MutationRates and name != "neurons":
            parts.append("Mutation rates are those of `neurons`.")
        else:
            parts += ["Mutation rates:", table_of(settings_of(rates), "rates.", live=True)]
        if own := kind.own_settings():
            parts += ["Of the space itself:", table_of(own, "space.")]
        if kind.ignores:
            parts.append(f"Without effect here: {', '.join(f'`{one}`' for one in kind.ignores)}.")
    return "\n\n".join(parts)


def table_of(settings: Iterable[Setting], prefix: str = "", *, live: bool = False) -> str:
    """A row for each setting."""
    rows = ["| setting | default | allowed | unit | live | meaning |", "|---|---|---|---|---|---|"]
    for one in settings:
        cells = (one.expected, one.unit, "live" if live or one.live else "", one.help)
        text = " | ".join(cell.replace("|", "\\|") for cell in cells)
        rows.append(f"| `{prefix}{one.name}` | {value_of(one.default)} | {text} |")
    return "\n".join(rows)


def value_of(value: Any) -> str:
    """A default as it is typed."""
    if isinstance(value, tuple):
        return ", ".join(map(value_of, value))
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def run_file_page() -> str:
    """The tables of a run file, column by column."""
    parts = [
        "# The run file",
        f"One run is one SQLite file, of application id {APPLICATION_ID:#010x} and `user_version` {SCHEMA_VERSION}, "
        "the version of this schema. Any SQLite reader can look into it; `workbench.open_run` checks every value. It "
        "holds exactly these tables, and a file with anything else is refused. Files of older versions open and "
        "resume; [what changes when](../stability.md) says how versions go on.",
    ]
    for statement in TABLES:
        name = statement.split()[2]
        parts += [f"## `{name}`", columns_of(name, statement)]
    return "\n\n".join(parts)


def columns_of(name: str, statement: str) -> str:
    """A row for each column of a table."""
    body = statement[statement.index("(") + 1 : statement.rindex(")")]
    lines = [" ".join(line.split()) for line in re.split(r",\s*(?![^(]*\))", body)]
    columns = [line for line in lines if not line.startswith("CHECK")]
    names = [line.split()[0].strip('"') for line in columns]
    if names != list(MEANING[name]):
        raise PluginError(f"docs/hooks/reference.py: expected the meaning of {names} of the table {name}")
    rows = ["| column | declared | meaning |", "|---|---|---|"]
    for column, line in zip(names, columns, strict=True):
        rows.append(f"| `{column}` | {line.partition(' ')[2]} | {MEANING[name][column]} |")
    checks = [f"`{line}`" for line in lines if line.startswith("CHECK")]
    return "\n".join(rows) + "".join(f"\n\n{check}" for check in checks)


def views_page() -> str:
    """Every name of `workbench.plots` and `workbench.widgets`, from where it is defined."""
    return "\n\n".join(
        [
            "# Figures and widgets",
            "## Figures",
            "`wb.plots` has runs and networks as static plotly figures, and the plain data behind them. `save_picture` "
            "writes a figure to `.html`, `.png`, `.svg` or `.pdf`.",
            *documented_names("plots"),
            "## Widgets",
            "`wb.widgets` has live views for notebooks. `Dashboard` shows them together; each can also be used alone.",
            *documented_names("widgets"),
        ]
    )


def documented_names(face: str) -> Iterable[str]:
    """An entry for each function and class that a module re-exports."""
    tree = ast.parse((ROOT / "workbench" / f"{face}.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if not alias.name.isupper():
                    options = f"heading: wb.{face}.{alias.name}\n      toc_label: {alias.name}"
                    yield f"::: {node.module}.{alias.name}\n    options:\n      {options}"


def commands_page() -> str:
    """The help of every command."""
    actions = build_parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr]
    parts = ["# Commands", "What `--help` prints. [The page of examples](../howto/command-line.md) shows them at work."]
    for command in COMMANDS:
        parser = actions[command.run.__name__]
        parser.formatter_class = wide(parser.formatter_class)
        parts += [f"## workbench {command.run.__name__}", f"```text\n{parser.format_help().strip()}\n```"]
    return "\n\n".join(parts)


def wide(kind: Any) -> Any:
    """A formatter whose width does not depend on the terminal of the build."""
    return lambda prog: kind(prog, width=96)
