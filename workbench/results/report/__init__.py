"""One self-contained page about a run."""

from workbench.results.report.report import ReportSources, write_report

__all__ = ["ReportSources", "write_report"]
