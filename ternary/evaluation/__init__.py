"""The honest evaluation protocol."""
