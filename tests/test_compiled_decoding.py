"""The compiled loop decodes what the model decodes."""
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, product

import numpy as np
import pytest
from numba import njit
from test_graph import VOCAB, Doubled, shaken

from ternary import ops
from ternary.autograd.tape import Tape
from ternary.compiler.two_bit import FIVE_BITS
from ternary.errors import UsageError
from ternary.graph import trace
from ternary.graph.reference import Reference
from ternary.inference import many
from ternary.inference.compiled import CompiledDecoder, compiled_decoder, rounded
from ternary.inference.decoders.base import Decoder
from ternary.inference.generation import Engine
from ternary.inference.sampling import Sampling
from ternary.kernels.decode import pack, products
from ternary.models import LM, MODELS
from ternary.models.bolt import Bolt, BoltConfig
from ternary.models.twin import short_twin
from ternary.nn.mixers.attention import Attention
from ternary.nn.module import Module
from ternary.nn.norm import RMSNorm
from ternary.text.tokenizer import FIRST_PIECE, Tokenizer

GREEDY, PENALTY = Sampling(temperature=0), Sampling(repetition_penalty=1.2)
TEXT = ["the cat sat on the mat. " * 9, "a dog ran to the cat. " * 9]


def tape():
    return Tape("fp32", record=False)


def decoder_of(model):
    return CompiledDecoder(model, Tokenizer((), FIRST_PIECE), tape())


@pytest.mark.parametrize("name", MODELS.names())
def test_every_model_has_the_logits_of_its_graph(name):
    """Token by token, and in chunks of any size; past the room of the first cache of keys and values."""
    model, tokens = shaken(name), np.random.default_rng(2).integers(0, VOCAB, 90)
    reference, decoder = Reference(trace(model)), decoder_of(model)
    expected = np.array([reference.step(int(token)) for token in tokens])
    state = decoder.init_state()
    stepwise = np.array([decoder.logits(tokens[None, k:k + 1], state) for k in range(len(tokens))])
    np.testing.assert_allclose(stepwise, expected, atol=2e-2)
    state, cuts = decoder.init_state(), [0, 1, 34, 36, 90]
    for first, last in pairwise(cuts):
        np.testing.assert_allclose(decoder.logits(tokens[None, first:last], state), expected[last - 1], atol=2e-2)


@pytest.mark.parametrize("name", [name for name in MODELS.names() if MODELS.get(name)().config.context])
def test_what_a_model_cannot_see_need_not_be_read(name):
    """Neither for the next logits nor for those after more tokens."""
    model, tokens = shaken(name), np.random.default_rng(3).integers(0, VOCAB, 620)
    decoder, reach = decoder_of(model), model.config.context
    assert reach < 600
    long, short = decoder.init_state(), decoder.init_state()
    for k in range(0, 600, 30):
        decoder.read(tokens[k:k + 30], long)
    decoder.read_prompt(tokens[:600], short)
    for k in range(600, 620):
        a, b = (decoder.logits(tokens[None, k:k + 1], state) for state in (long, short))
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("quantizer, dim", [*product(["tensor", "row", "block256"], [48, 96]), ("tensor", 288)])
def test_ternary_products_are_as_exact_as_floats(quantizer, dim):
    """Sizes that are no whole panels, with any scales."""
    model = Bolt(BoltConfig(VOCAB, dim=dim, layers=1, hidden=80, quantizer=quantizer), seed=3)
    reference, decoder = Reference(trace(model)), decoder_of(model)
    state = decoder.init_state()
    for token in (5, 7, 9):
        expected = reference.step(token)
        error = np.abs(decoder.logits(np.array([[token]]), state) - expected).max()
        assert error < 3e-4 * np.abs(expected).max()


@pytest.fixture(scope="module")
def engines():
    return untrained()


def untrained():
    """Engines of a model of some depth, compiled and not."""
    tokenizer = Tokenizer.train(TEXT, 2200)
    model = Bolt(BoltConfig(tokenizer.vocab_size, dim=64, layers=2, hidden=96), seed=4)
    model.embed.weight.values[...] *= 30          # logits that differ
    return Engine(model, tokenizer), Engine(model, tokenizer, compiled=False)


@pytest.mark.parametrize("sampling", [
    Sampling(temperature=0), Sampling(), Sampling(top_k=1), Sampling(top_k=9, top_p=0.7), Sampling(top_k=40, min_p=0.1),
    Sampling(top_k=0, top_p=0.9), Sampling(top_k=0, min_p=0.05), Sampling(repetition_penalty=1.3),
    Sampling(temperature=0, no_repeat_ngram=2), Sampling(frequency_penalty=0.5, presence_penalty=0.2),
    Sampling(top_k=0)], ids=str)
def test_all_samplers_draw_the_tokens_of_the_model(engines, sampling):
    compiled, general = engines
    assert compiled.compiled and not general.compiled
    for prompt, seed in (("", 1), ("the cat sat on the mat. " * 30, 2)):
        assert [*compiled.tokens(prompt, 40, sampling, seed)] == [*general.tokens(prompt, 40, sampling, seed)]


def test_streams_side_by_side_draw_what_each_draws_alone(engines):
    decoder, silent, rng = engines[0].compiled, engines[0].silent, np.random.default_rng(5)
    uniforms, first = rng.random((20, 3)), np.array([5, 6, 7])
    together = decoder.generate(first, decoder.init_state(3), Sampling(), silent, uniforms)
    for k in range(3):
        alone = decoder.generate(first[k:k + 1], decoder.init_state(), Sampling(), silent, uniforms[:, k:k + 1])
        np.testing.assert_array_equal(together[:len(alone), k], alone[:, 0])


@pytest.mark.parametrize("bits", [
    8, pytest.param(5, marks=pytest.mark.skipif(not FIVE_BITS, reason="this CPU has no 5-bit product"))])
@pytest.mark.parametrize("rows", [1, 3])
def test_a_rounded_table_has_the_logits_of_its_rows(bits, rows):
    top, panels, product = ((15, pack.five_bit_panels, products.five_bit_product) if bits == 5 else
                            (pack.TABLE_TOP, pack.byte_panels, products.byte_product))
    rng, vocab, dim, slab = np.random.default_rng(3), 150, 64, 200
    table, x = rng.normal(0, 1, (vocab, dim)), rng.normal(0, 1, (rows, dim)).astype(np.float32)

    @njit
    def logits(x, panels, scales, y):
        q, sums = np.zeros(2 * x.size, np.int8), np.zeros(rows * products.SUMS, np.float32)
        for r in range(rows):
            products.quantize(x[r], 0, dim, q, r * 2 * dim, dim, dim, sums, r * products.SUMS)
        product(q, dim, dim, sums, panels, 0, scales, 0, vocab, y, 0, slab, rows)

    near, y = rounded(table, top, panels), np.zeros(rows * slab, np.float32)
    logits(x, near.panels, near.scales, y)
    y, scales = y.reshape(rows, slab)[:, :vocab], np.abs(table).max(1, keepdims=True) / top
    np.testing.assert_allclose(y, x @ (np.rint(table / scales) * scales).T, atol=2e-3)
    assert (np.abs(y - x @ table.T) <= near.errors[:vocab] * np.linalg.norm(x, axis=1, keepdims=True) + 2e-3).all()


@pytest.mark.parametrize("rows", [1, 3])
def test_logits_of_the_first_digit_are_within_the_bound(rows):
    rng, vocab, dim, slab = np.random.default_rng(4), 150, 64, 200
    table, x = rng.normal(0, 1, (vocab, dim)), rng.normal(0, 1, (rows, dim)).astype(np.float32)

    @njit
    def logits(x, panels, scales, sums, y):
        q = np.zeros(2 * x.size, np.int8)
        for r in range(rows):
            products.quantize(x[r], 0, dim, q, r * 2 * dim, dim, dim, sums, r * products.SUMS)
            products.drop_second_digits(q, r * 2 * dim, dim, dim, sums, r * products.SUMS)
        products.first_digit_product(q, dim, dim, sums, panels, 0, scales, 0, vocab, y, 0, slab, rows)

    near, y = rounded(table, pack.TABLE_TOP, pack.byte_panels), np.zeros(rows * slab, np.float32)
    sums = np.zeros(rows * products.SUMS, np.float32)
    logits(x, near.panels, near.scales, sums, y)
    left_out = sums.reshape(rows, -1)[:, products.LEFT_OUT, None]
    assert (0 < left_out).all() and (left_out < 0.02 * np.linalg.norm(x, axis=1, keepdims=True)).all()
    bound = near.errors[:vocab] * np.linalg.norm(x, axis=1, keepdims=True) + near.norms[:vocab] * left_out + 2e-3
    assert (np.abs(y.reshape(rows, slab)[:, :vocab] - x @ table.T) <= bound).all()


@pytest.mark.parametrize("quantizer", ["tensor", "block256"])
@pytest.mark.parametrize("count", [7, 45])
def test_many_streams_draw_what_each_draws_alone(quantizer, count):
    """As a matrix unit computes them, where there is one: a part of a block of rows, and more than one. The inputs of
    `down` have two scales with block256."""
    model = Bolt(BoltConfig(1500, dim=64, layers=2, hidden=512, quantizer=quantizer), seed=4)
    rng = np.random.default_rng(5)
    model.embed.weight.values[...] *= 30
    decoder, uniforms, first = decoder_of(model), rng.random((12, count)), rng.integers(0, 1500, count)
    silent = np.zeros(0, int)
    together = decoder.generate(first, decoder.init_state(count), Sampling(), silent, uniforms)
    for k in range(count):
        alone = decoder.generate(first[k:k + 1], decoder.init_state(), Sampling(), silent, uniforms[:, k:k + 1])
        np.testing.assert_array_equal(together[:len(alone), k], alone[:, 0])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("sampling", [Sampling(), GREEDY, PENALTY], ids=str)
def test_many_texts_are_those_of_one_after_the_other(engines, sampling, threads):
    """Also with penalties, which the loop does not draw with; texts end at different places."""
    prompts, stop = ["", "the cat", "a dog ran to the cat. " * 12, "ran", "the"], (" mat", "dog.")
    found = engines[0].generate_many(prompts, 50, sampling, 3, stop, threads)
    assert found == [engines[0].generate(prompt, 50, sampling, 3 + k, stop) for k, prompt in enumerate(prompts)]
    assert engines[0].generate_many([], 50) == []
    with pytest.raises(UsageError, match="wanted a list of texts"):
        engines[0].generate_many("the cat")


def test_many_texts_of_a_model_with_attention():
    """Prompts of different lengths: one stream has more room for keys and values than another."""
    tokenizer = Tokenizer.train(TEXT, 400)
    engine = Engine(short_twin(MODELS.get("searchlm")(), vocab_size=tokenizer.vocab_size), tokenizer)
    prompts = ["the cat sat on the mat. " * 20, "a dog", ""]
    assert engine.generate_many(prompts, 30) == [engine.generate(p, 30, seed=k) for k, p in enumerate(prompts)]


def test_texts_grow_together_as_far_as_memory_goes(monkeypatch):
    tokenizer = Tokenizer.train(TEXT, 400)
    engine = Engine(short_twin(MODELS.get("searchlm")(), vocab_size=tokenizer.vocab_size), tokenizer)
    prompts = ["a dog", "the cat sat on the mat. " * 20, "", "the cat"]
    together = engine.generate_many(prompts, 30)
    size = engine.compiled.cache_size
    monkeypatch.setattr(many, "MEMORY", 3 * 4 * size(35))
    assert many.groups(engine.compiled, {0: 33, 1: 155, 2: 31, 3: 32}) == [[2, 3, 0], [1]]
    assert engine.generate_many(prompts, 30) == together


def test_streams_of_a_model_with_attention():
    """Past the first room of keys and values."""
    decoder, uniforms = decoder_of(shaken("searchlm")), np.random.default_rng(5).random((80, 2))
    silent, first = np.array([3]), np.array([5, 6])
    together = decoder.generate(first, decoder.init_state(2), Sampling(), silent, uniforms)
    for k in range(2):
        alone = decoder.generate(first[k:k + 1], decoder.init_state(), Sampling(), silent, uniforms[:, k:k + 1])
        np.testing.assert_array_equal(together[:, k], alone[:, 0])


def test_threads_share_a_decoder(engines):
    """Stories of different prompts at once are those of one after the other."""
    prompts = ["the cat", "a dog", "the mat sat on", "ran"] * 3

    def told(prompt):
        decoder, state = engines[0].compiled, engines[0].compiled.init_state()
        decoder.read_prompt(np.array(engines[0].tokenizer.encode(prompt)), state)
        return decoder.generate(np.array([5]), state, GREEDY, engines[0].silent, np.zeros((200, 1))).tolist()

    expected = [told(prompt) for prompt in prompts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(told, prompts)) == expected


def test_a_copy_of_a_state_goes_its_own_way(engines):
    decoder = engines[0].compiled
    state = decoder.init_state()
    decoder.logits(np.array([[5, 6, 7]]), state)
    kept = state.copy()
    expected = decoder.logits(np.array([[8]]), state)
    decoder.logits(np.array([[9, 10]]), state)
    np.testing.assert_array_equal(decoder.logits(np.array([[8]]), kept), expected)


@pytest.mark.parametrize("window", [3, 40, None])
@pytest.mark.parametrize("size", [1, 6, 35])
def test_attention_past_its_window_and_its_room(window, size):
    """Also of several tokens at once, which write to the cache before the first of them reads it."""
    class Windowed(LM):
        def block(self, layer, rng):
            return Attention(64, 2, rng, window=window)
    model = Windowed(Windowed.config_type(VOCAB, dim=64, layers=1), seed=1)
    reference, decoder, rng = Reference(trace(model)), decoder_of(model), np.random.default_rng(0)
    state = decoder.init_state()
    tokens = rng.integers(0, VOCAB, 300)
    for first in range(0, len(tokens), size):
        part = tokens[first:first + size]
        for token in part:
            expected = reference.step(int(token))
        np.testing.assert_allclose(decoder.logits(part[None], state), expected, atol=1e-4)


class OutsideOfOps(Module):
    """Computes with activations in NumPy, which the graph takes for a constant."""

    def __init__(self):
        self.norm = RMSNorm(192)

    def __call__(self, x, state=None):
        return ops.add(x, ops.as_tensor(ops.as_array(self.norm(x)) ** 2))


@pytest.mark.parametrize("layer", [Doubled, OutsideOfOps])
def test_a_model_that_cannot_be_compiled_decodes_by_itself(layer):
    class Own(LM):
        def block(self, k, rng):
            return layer()
    tokenizer = Tokenizer.train(TEXT, 300)
    engine = Engine(Own(Own.config_type(tokenizer.vocab_size, layers=1), seed=1), tokenizer)
    assert engine.compiled is None
    assert [*engine.tokens("the cat", 5, Sampling(temperature=0))]


def test_a_model_of_the_users_is_compiled_if_it_can_be():
    class Own(LM):
        def block(self, k, rng):
            return RMSNorm(192)
    model = Own(Own.config_type(VOCAB, layers=1), seed=1)
    assert compiled_decoder(Decoder(model, Tokenizer((), FIRST_PIECE), tape()))
