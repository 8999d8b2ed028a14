"""One network as a graph, and its neurons over the image."""
