"""A page for each notebook, with the outputs that were recorded of it (`tests/browser/record_tutorials.py`)."""

from __future__ import annotations

import hashlib
import html
import json
import logging
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
LOG = logging.getLogger("mkdocs.hooks.tutorials")


NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def on_config(config: Any) -> Any:
    """The site with its notebooks among the tutorials."""
    tutorials = next(part["Tutorials"] for part in config.nav if "Tutorials" in part)
    tutorials += [f"tutorials/{path.stem}.md" for path in NOTEBOOKS]
    return config


def on_files(files: Files, config: Any) -> Files:
    """The pages of the site and one for each notebook."""
    for path in NOTEBOOKS:
        files.append(File.generated(config, f"tutorials/{path.stem}.md", content=page_of(path)))
    return files


def page_of(path: Path) -> str:
    """A notebook as Markdown."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    outputs = ROOT / "docs" / "tutorials" / f"{path.stem}.json"
    recorded = json.loads(outputs.read_text("utf-8")) if outputs.exists() else {}
    parts = []
    for cell in cells:
        source = "".join(cell["source"]).strip()
        if cell["cell_type"] == "markdown":
            parts.append(source)
        elif cell["cell_type"] == "code":
            parts.append(f"```python\n{source}\n```")
            shown = recorded.pop(hashlib.sha256(source.encode()).hexdigest()[:16], [])
            parts += [shown_as(output) for output in shown]
    if recorded:
        LOG.info("%s: %d cells have changed since they were recorded; their outputs are left out", path, len(recorded))
    heading, *rest = parts
    title, _, text = heading.partition("\n")
    note = f"*This page is the notebook `notebooks/{path.name}`: `make lab` opens it, with live figures.*"
    return "\n\n".join([title, note, text.strip(), *rest])


def shown_as(output: dict[str, str]) -> str:
    """A recorded output as Markdown."""
    if "picture" in output:
        size = f'width="{output["width"]}" height="{output["height"]}"'
        return (
            f'<figure class="wb-output"><a href="{Path(output["picture"]).as_posix()}">'
            f'<img src="{output["picture"]}" {size} loading="lazy" alt="what this cell shows"></a></figure>'
        )
    if "html" in output:
        table = re.sub(r"<style.*?</style>|<script.*?</script>|\n\s*", " ", output["html"], flags=re.DOTALL)
        return f'<div class="wb-output">{table}</div>'
    return f'<pre class="wb-output"><code>{html.escape(output["text"].rstrip())}</code></pre>'
