"""Benchmarks: functions that measure this machine and return plain values, for `ternary bench`."""
