"""What each mutation did."""
