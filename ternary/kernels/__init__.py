"""Kernels: functions of arrays, in plain Python over SIMD tiles. Each one follows its NumPy reference."""
