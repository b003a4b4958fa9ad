"""Checkpoints: format, saving, loading, locking."""
