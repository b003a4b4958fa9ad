"""How threads share a weight gradient."""
import os
import subprocess
import sys


def test_threads_of_a_weight_gradient_move_as_little_as_they_can():
    """Counted as in token_ranges' description, over every way to share 1 to 64 threads."""
    from ternary.kernels.gemm.weight_grad import token_ranges

    def traffic(tokens, outputs, threads, ranges):
        read_again, sums = threads // ranges, ranges - 1
        return tokens * 2 * read_again + outputs * 4 * 2 * sums
    for tokens, outputs in ((2048, 512), (2048, 192), (2048, 1152), (512, 3072), (32, 32)):
        for threads in range(1, 65):
            ranges = token_ranges.py_func(tokens, outputs, threads)
            ways = [r for r in range(1, threads + 1) if threads % r == 0 and threads // r * 32 <= outputs]
            assert ranges in ways
            assert traffic(tokens, outputs, threads, ranges) == min(traffic(tokens, outputs, threads, r) for r in ways)
    assert token_ranges.py_func(2048, 512, 2) == 2 and 1 < token_ranges.py_func(2048, 512, 16) < 16


def test_a_weight_gradient_on_more_threads_than_cores():
    code = ("import numpy as np, numba; from ternary.kernels.gemm.weight_grad import matmul_dw\n"
            "rng = np.random.default_rng(0)\n"
            "for n, m, k in ((600, 256, 64), (40, 64, 32), (900, 32, 96)):\n"
            "    dy, x = (rng.standard_normal((n, d), np.float32) for d in (m, k))\n"
            "    for threads in (1, 3, 4, 8):\n"
            "        numba.set_num_threads(threads); dw = np.ones((m, k), np.float32)\n"
            "        matmul_dw(dy, x, x, dw); want = 1 + dy.T @ x\n"
            "        assert np.linalg.norm(dw - want) < 2e-6 * np.linalg.norm(want), (n, m, k, threads)")
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "NUMBA_NUM_THREADS": "8"},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
