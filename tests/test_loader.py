import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ternary.errors import DataError, UsageError
from ternary.text.loader import Loader


def stream(n: int) -> np.ndarray:
    """All different, so a token names its position."""
    return np.arange(n, dtype=np.uint16)


shapes = st.tuples(st.integers(1, 7), st.integers(1, 9), st.integers(0, 60))


@settings(max_examples=60)
@given(shapes, st.integers(0, 5))
def test_every_window_once_per_epoch_over_several_epochs(shape, seed):
    B, T, extra = shape
    loader = Loader(stream(B * T + 1 + extra), B, T, seed)
    n = loader.windows
    assert n == (B * T + extra) // T
    # B epochs are exactly n batches: no batch is cut.
    starts = np.concatenate([loader.batch(step)[0][:, 0] for step in range(n)])
    epochs = starts.reshape(B, n)
    for order in epochs:
        assert sorted(order) == [w * T for w in range(n)]


@settings(max_examples=60)
@given(shapes, st.integers(0, 5), st.integers(0, 1000))
def test_targets_are_shifted_once_and_batches_are_int32_contiguous(shape, seed, step):
    B, T, extra = shape
    x, y = Loader(stream(B * T + 1 + extra), B, T, seed).batch(step)
    assert x.shape == y.shape == (B, T)
    for a in (x, y):
        assert a.dtype == np.int32 and a.flags.c_contiguous
    assert (y == x + 1).all()
    assert (x[:, 0] % T == 0).all()


def test_every_token_but_the_first_is_a_target_once():
    loader = Loader(stream(101), batch_size=5, seq_len=4, seed=3)
    targets = np.concatenate([loader.batch(s)[1].ravel() for s in range(5)])
    assert sorted(targets) == list(range(1, 101))


@settings(max_examples=40)
@given(st.integers(0, 300), st.integers(0, 2**31 - 1))
def test_a_new_loader_gives_the_same_batch_at_any_step(step, seed):
    tokens = stream(50 * 4 + 2)
    walked = Loader(tokens, 7, 4, seed)
    for s in (step + 3, 0, step + 40, max(0, step - 1)):
        walked.batch(s)
    for a, b in zip(walked.batch(step), Loader(tokens, 7, 4, seed).batch(step)):
        np.testing.assert_array_equal(a, b)


def test_seeds_and_epochs_differ():
    tokens = stream(64 * 4 + 1)
    a, b = Loader(tokens, 64, 4, 0), Loader(tokens, 64, 4, 1)
    assert (a.batch(0)[0] != b.batch(0)[0]).any()
    assert (a.batch(0)[0] != a.batch(1)[0]).any()


def test_a_batch_straddles_two_epochs():
    loader = Loader(stream(10 * 2 + 1), batch_size=4, seq_len=2, seed=0)
    assert loader.steps_per_epoch == 2.5
    assert [loader.epoch(s) for s in range(6)] == [0, 0, 0, 1, 1, 2]
    first = np.concatenate([loader.batch(0)[0], loader.batch(1)[0], loader.batch(2)[0][:2]])[:, 0]
    second = np.concatenate([loader.batch(2)[0][2:], loader.batch(3)[0], loader.batch(4)[0]])[:, 0]
    assert sorted(first) == sorted(second) == list(range(0, 20, 2))


def test_reads_a_memory_map(tmp_path):
    path = tmp_path / "t.bin"
    stream(41).tofile(path)
    x, y = Loader(np.memmap(path, np.dtype("<u2"), mode="r"), 2, 5, 0).batch(0)
    assert type(x) is np.ndarray and (y == x + 1).all()


def test_the_largest_id_survives():
    x, y = Loader(np.full(9, 65535, np.uint16), 1, 8, 0).batch(0)
    assert x.min() == y.min() == 65535


def test_too_little_text_says_what_is_needed():
    with pytest.raises(DataError, match=r"1,234 tokens; one batch of 8 x 256 needs 2,049; use a smaller --b"):
        Loader(stream(1234), 8, 256, 0)
    with pytest.raises(DataError, match="2,048 tokens"):
        Loader(stream(2048), 8, 256, 0)
    assert Loader(stream(2049), 8, 256, 0).windows == 8
    with pytest.raises(DataError, match="^0 tokens"):
        Loader(stream(0), 1, 1, 0)


@pytest.mark.parametrize("batch, seq", [(0, 4), (4, 0), (-1, 4)])
def test_sizes_below_one_are_refused(batch, seq):
    with pytest.raises(UsageError, match="at least 1"):
        Loader(stream(100), batch, seq, 0)
