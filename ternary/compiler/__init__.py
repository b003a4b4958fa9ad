"""How Python becomes machine code: CPU paths, SIMD tiles as Numba values, compilation ahead of use."""
