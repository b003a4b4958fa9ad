"""Approximate decoding: the tokens of a model whose float matrices have few bits."""
import numpy as np
import pytest
from test_compiled_decoding import TEXT, tape
from test_graph import VOCAB, Doubled, shaken

import ternary
from ternary.errors import UsageError
from ternary.graph import trace
from ternary.graph.reference import Reference
from ternary.inference.compiled import CompiledDecoder, compiled_decoder
from ternary.inference.decoders.base import Decoder
from ternary.inference.generation import Engine
from ternary.inference.sampling import Sampling
from ternary.kernels.decode import pack
from ternary.models import LM, MODELS
from ternary.nn.linear import Linear
from ternary.text.tokenizer import FIRST_PIECE, Tokenizer


def decoders(model):
    return (CompiledDecoder(model, Tokenizer((), FIRST_PIECE), tape(), approximate) for approximate in (False, True))


@pytest.mark.parametrize("name", MODELS.names())
def test_logits_are_those_of_rounded_matrices(name):
    """Token by token, and several at once. Models without float matrices stay exact."""
    model, tokens = shaken(name), np.random.default_rng(2).integers(0, VOCAB, 24)
    graph = trace(model)
    for node in graph.nodes:
        if node.op == "linear" and node.options["quantizer"] is None and node.inputs[0].channels % 8 == 0:
            q, scales = pack.whole_numbers(node.inputs[1].constant, pack.NARROW_TOP)
            node.inputs[1].array = q * scales[:, None]
    reference, (exact, decoder) = Reference(graph), decoders(model)
    assert not exact.rounded_matrices
    if decoder.built.attentions:
        assert 2 * decoder.init_state().cache.nbytes == exact.init_state().cache.nbytes
    assert bool(decoder.rounded_matrices) == exact.words.any()
    if exact.words.any():
        assert decoder.codes.nbytes + decoder.words.nbytes < exact.codes.nbytes + exact.words.nbytes
    expected, state = np.array([reference.step(int(token)) for token in tokens]), decoder.init_state()
    stepwise = [decoder.logits(tokens[None, k:k + 1], state) for k in range(len(tokens))]
    np.testing.assert_allclose(stepwise, expected, atol=2e-2)
    for count in (1, 2, 7, 24):
        found = decoder.logits(tokens[None, :count], decoder.init_state())
        np.testing.assert_allclose(found, expected[count - 1], atol=2e-2)


def test_many_streams_draw_what_each_draws_alone():
    _, decoder = decoders(shaken("nova"))
    uniforms, first, silent = np.random.default_rng(5).random((12, 7)), np.arange(3, 10), np.zeros(0, int)
    together = decoder.generate(first, decoder.init_state(7), Sampling(), silent, uniforms)
    for k in range(7):
        alone = decoder.generate(first[k:k + 1], decoder.init_state(), Sampling(), silent, uniforms[:, k:k + 1])
        np.testing.assert_array_equal(together[:len(alone), k], alone[:, 0])


class Own(LM):
    def block(self, layer, rng):
        return Linear(192, 192, rng)


class Uncompiled(LM):
    def block(self, layer, rng):
        return Doubled()


def test_a_model_of_the_users():
    tokenizer = Tokenizer.train(TEXT, 300)
    model = Own(Own.config_type(tokenizer.vocab_size, layers=2), seed=1)
    assert compiled_decoder(Decoder(model, tokenizer, tape()), approximate=True).rounded_matrices == 2
    model = Uncompiled(Uncompiled.config_type(tokenizer.vocab_size, layers=1), seed=1)
    with pytest.raises(UsageError, match="only compiled decoding can be approximate"):
        Engine(model, tokenizer, approximate=True).generate("the cat")


def test_the_command_says_what_is_approximate(finished, here):
    text = here("generate", "The", "--checkpoint", finished[0], "--max-tokens", 9)
    same = here("generate", "The", "--checkpoint", finished[0], "--max-tokens", 9, "--approximate")
    assert same.out == text.out and same.err == ("--approximate changes nothing: this model has neither float matrices "
                                                     "nor attention\n")
    lm = ternary.load(finished[0], approximate=True)
    assert "The" + lm.generate("The", 9) + "\n" == text.out
    refused = here("generate", "The", "--checkpoint", finished[0], "--approximate", "--decoder", "ngram", "--set",
                   "text=fables")
    assert refused.code == 2 and "leave --approximate out" in refused.err
