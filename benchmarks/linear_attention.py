"""Linear attention in chunks against the recurrence: milliseconds of CPU time on one thread, for sequences of T tokens.

    python benchmarks/linear_attention.py

Forward is compared with a token-by-token loop in Numba and in NumPy, forward and backward with NumPy. "product" is a
linear map 192 -> 1024 of as many tokens, forward and backward, in fp32. CPU time, as it depends less on other load.
"""
import os

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

from ternary.machine.threads import set_threads

set_threads(1)

import time

import numba
import numpy as np

from ternary import nn, ops
from ternary.autograd.tape import Tape
from ternary.kernels.decay import RULES
from ternary.kernels.linear_attention import linear_attention_bwd_ref, linear_attention_ref

TOKENS, HEADS, KEY_DIM, VALUE_DIM = 2048, 4, 36, 72
RULE = "delta"


@numba.njit(fastmath={"contract", "nsz"}, error_model="numpy")
def loop(q, k, v, log_decay, beta, heads, seq_len, o):
    """The gated delta rule, token by token; inner loops over channels of v, which LLVM makes vectors of."""
    key_dim, value_dim = q.shape[1] // heads, v.shape[1] // heads
    for item in range(len(q) // seq_len * heads):
        first, head = item // heads * seq_len, item % heads
        s, u = np.zeros((key_dim, value_dim), np.float32), np.empty(value_dim, np.float32)
        for t in range(first, first + seq_len):
            a = np.exp(log_decay[t, head])
            for j in range(value_dim):
                u[j] = v[t, head * value_dim + j]
            for i in range(key_dim):
                x = k[t, head * key_dim + i]
                for j in range(value_dim):
                    s[i, j] *= a
                    u[j] -= x * s[i, j]
            for j in range(value_dim):
                u[j] *= beta[t, head]
                o[t, head * value_dim + j] = 0
            for i in range(key_dim):
                x, y = k[t, head * key_dim + i], q[t, head * key_dim + i]
                for j in range(value_dim):
                    s[i, j] += x * u[j]
                    o[t, head * value_dim + j] += y * s[i, j]


def milliseconds(f, repeats=7):
    f()
    took = []
    for _ in range(repeats):
        start = time.thread_time()
        f()
        took.append(time.thread_time() - start)
    return 1e3 * min(took)


def measure(seq_len, precision):
    rng, batch = np.random.default_rng(0), TOKENS // seq_len
    arrays = [rng.standard_normal((batch, seq_len, HEADS * dim), np.float32) for dim in (KEY_DIM, KEY_DIM, VALUE_DIM)]
    arrays[1] /= np.float32(KEY_DIM ** 0.5)
    gates = rng.random((2, batch, seq_len, HEADS), np.float32)
    arrays += [-0.1 * gates[0], gates[1]]
    with Tape(precision, record=False):
        tensors = [ops.as_tensor(x) for x in arrays]
        ours = milliseconds(lambda: ops.linear_attention(*tensors, HEADS, RULE))

    training = Tape(precision)                    # one, so that memory is used again

    def step():
        with training as tape:
            y = ops.linear_attention(*tensors, HEADS, RULE)
            tape.backward((y, dy))
        for x in tensors:
            x.grad = None
    dy = np.ones(tensors[2].data.shape, np.float32)
    both = milliseconds(step)
    rows = [x.reshape(TOKENS, -1) for x in arrays]
    o = np.empty_like(rows[2])
    in_numba = milliseconds(lambda: loop(*rows, HEADS, seq_len, o))
    initial, rule = np.zeros((batch, HEADS, KEY_DIM, VALUE_DIM), np.float32), RULES.index(RULE)
    _, error, states, _ = linear_attention_ref(*rows, initial, rule)
    in_numpy = milliseconds(lambda: linear_attention_ref(*rows, initial, rule), 1)
    backward = milliseconds(lambda: linear_attention_bwd_ref(o, *rows[:2], *rows[3:], error, states, rule, seq_len), 1)
    return ours, in_numba, in_numpy, both, in_numpy + backward


def product(precision):
    layer, x = nn.Linear(192, 1024, np.random.default_rng(0)), np.ones((1, TOKENS, 192), np.float32)
    dy = np.ones((TOKENS, 1024), np.float32)
    with Tape(precision) as tape:
        t = ops.as_tensor(x)

        def step():
            tape.backward((layer(t), dy))
        return milliseconds(step)


if __name__ == "__main__":
    print(f"{TOKENS} tokens, {HEADS} heads, K = {KEY_DIM}, V = {VALUE_DIM}, {RULE}; ms of CPU time")
    print(f"product fp32 {product('fp32'):.1f}")
    for precision in ("fp32", "bf16"):
        for seq_len in (256, 512, 1024, 2048):
            ours, in_numba, in_numpy, both, numpy_both = measure(seq_len, precision)
            print(f"{precision} T={seq_len:<5} forward {ours:.1f}, Numba loop {in_numba:.1f}, NumPy {in_numpy:.0f}; "
                  f"forward and backward {both:.1f}, NumPy {numpy_both:.0f}", flush=True)
