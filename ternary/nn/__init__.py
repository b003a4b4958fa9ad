"""Modules: parameters, how they act on a whole batch, and one step at a time with a state."""
