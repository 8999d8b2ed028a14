"""What all views share: the source they follow, the selection, plots and canvases, the poller."""
