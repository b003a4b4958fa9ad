"""The graph of every model computes what the model computes."""
import numpy as np
import pytest

from ternary import ops
from ternary.autograd.tape import Tape
from ternary.errors import UsageError
from ternary.graph import trace
from ternary.graph.reference import Reference
from ternary.models import LM, MODELS
from ternary.models.twin import short_twin
from ternary.nn.module import Module

VOCAB = 60


def shaken(name):
    """A small model whose parameters differ from their first values: zeros and ones would hide faults."""
    model, rng = short_twin(MODELS.get(name)(), vocab_size=VOCAB), np.random.default_rng(1)
    for p in model.parameters().values():
        p.values[...] += rng.normal(0, 0.02, p.shape)
    return model


@pytest.mark.parametrize("name", MODELS.names())
def test_the_graph_gives_the_logits_of_the_model(name):
    model, tokens = shaken(name), np.random.default_rng(2).integers(0, VOCAB, 10)
    graph = Reference(trace(model))
    found = [graph.step(int(token)) for token in tokens]
    with Tape("fp64", record=False):
        expected = ops.as_array(model(tokens[None]))[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_node_names_the_layer_that_called_it():
    places = {node.place for node in trace(shaken("bolt-small")).nodes}
    assert {"blocks.0.mixer (GatedConv)", "blocks.0.mixer.down (Linear)", "blocks.0.ffn (GLU)"} <= places


@ops.numpy_op
def doubled(x):
    def backward(dy):
        return 2 * dy
    return 2 * x, backward


class Doubled(Module):
    def __call__(self, x, state=None):
        return doubled(x)


class WithAnOpOfItsOwn(LM):
    def block(self, layer, rng):
        return Doubled()


def test_an_op_from_outside_keeps_its_name_and_has_no_reference():
    graph = trace(WithAnOpOfItsOwn())
    assert sum(node.op == "doubled" for node in graph.nodes) == WithAnOpOfItsOwn().config.layers
    with pytest.raises(UsageError, match=r"blocks\.0 \(Doubled\).*doubled"):
        Reference(graph).step(1)
