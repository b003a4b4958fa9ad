"""Kernels: arrays in, arrays out. Each stands below its NumPy reference and is plain Python over SIMD tiles."""
