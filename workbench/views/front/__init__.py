"""The Pareto front and hypervolume of a run."""
