"""Train and run small language models on ordinary CPU cores, in NumPy and Numba."""

__version__ = "0.1.0"
