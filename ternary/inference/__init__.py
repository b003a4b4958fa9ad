"""Running a trained model: one token at a time, with a state instead of a context window."""
