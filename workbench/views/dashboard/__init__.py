"""All views of one search on one page."""
