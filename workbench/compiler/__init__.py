"""Genome -> plan (arrays) -> torch module, and the interpreter that says what is right."""

from workbench.compiler.plan import Plan, compile_genome

__all__ = ["Plan", "compile_genome"]
