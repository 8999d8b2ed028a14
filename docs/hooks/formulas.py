"""Formulas between dollar signs become MathML, which browsers draw without any script; numbers keep their unit."""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

FORMULA = re.compile(r'<(span|div) class="arithmatex">(?:\\\((.*?)\\\)|\\\[(.*?)\\\])</\1>', re.DOTALL)


def on_page_content(content: str, **_: Any) -> str:
    """The page with its formulas drawn, and no line that begins with %."""
    return re.sub(r"(?<=\d) %", "\u00a0%", FORMULA.sub(_drawn, content))


def _drawn(match: re.Match[str]) -> str:
    formula = html.unescape(match[2] or match[3]).replace(r"\mathrm", r"\text")  # words, not products of letters
    return convert(formula, display="inline" if match[2] else "block")
