"""Compilation of Python to machine code: CPU paths, SIMD tiles as Numba values, backends, precompilation."""
