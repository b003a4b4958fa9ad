"""Training: the trainer and what it writes to disk. Knows no model by name."""
