"""Networks as graphs of modules, with the tree of their derivation."""
