"""Programs from primitive operations (AutoML-Zero): the learning algorithm itself is searched, line by line."""
