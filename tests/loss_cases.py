"""Inputs for the kernels of losses over the vocabulary, registered as those of cases.py."""
import numpy as np
from case_inputs import ROWS, case, normal, whole

from ternary.compiler.layout import from_bf16
from ternary.kernels.gemm.pack import SEVEN_OR_EIGHT_BITS, quantize_table_ref
from ternary.kernels.softmax import softmax_sums_ref


def head(rng, act, v, n):
    h, table = act(normal(rng, n, 64)), 0.3 * normal(rng, v, 64)
    vocab_rows = np.zeros((-(-v // 32) * 32, 64), np.float32)
    vocab_rows[:v] = table
    return (h, table, rng.integers(0, v, n).astype(np.int32), act(vocab_rows), np.zeros((2, 0), np.float32),
            act(np.ascontiguousarray(vocab_rows.T)))


def head_of_bytes(rng, act, v, n):
    """Exact in bytes and in bf16: whole numbers times powers of two."""
    h, table = act(whole(rng, n, 64) / 128), whole(rng, v, 64, SEVEN_OR_EIGHT_BITS) / 512
    q, factors, channels = quantize_table_ref(table)
    return (h, table, rng.integers(0, v, n).astype(np.int32), q.astype(np.int8), factors.astype(np.float32),
            act(np.ascontiguousarray(channels)))


@case("loss", "dh", "dtable")
def cross_entropy(rng, act):
    for v, n in ((1000, 300), (101, 1), (96, 129), (33, 600)):
        for inputs in (head(rng, act, v, n), head_of_bytes(rng, act, v, n)):
            yield *inputs, np.float32(0.01), np.float32(0), 0


@case("loss")
def nll(rng, act):
    for v, n in ((1000, 300), (101, 1)):
        for inputs in (head(rng, act, v, n), head_of_bytes(rng, act, v, n)):
            yield inputs[:5]


@case("log_sum", "mean_log_p")
def softmax_sums(rng, act):
    for n in ROWS:
        for vocab_size in (64, 70, 96):
            yield act(3 * normal(rng, n, 96)), vocab_size


@case()
def softmax_bwd(rng, act):
    for x, vocab_size in softmax_sums(rng, act):
        log_sum, _ = softmax_sums_ref(from_bf16(x) if x.dtype == np.uint16 else x, vocab_size)
        yield x, vocab_size, log_sum, normal(rng, len(x)), normal(rng, len(x))
