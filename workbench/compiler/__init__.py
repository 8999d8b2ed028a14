"""Genome -> plan (arrays) -> torch module or exported file, and the interpreter that serves as their oracle."""

from workbench.compiler.plan import Plan, compile_genome
