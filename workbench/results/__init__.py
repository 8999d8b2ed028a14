"""Studies: long comparisons that can be stopped and resumed, their tables, reports and latencies."""
