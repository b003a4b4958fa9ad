"""Decoding states that are kept, copied, saved and loaded."""
import numpy as np
import pytest
from test_compiled_decoding import GREEDY, PENALTY, decoder_of, untrained
from test_graph import VOCAB

from ternary.errors import ModelFileError, UsageError
from ternary.inference.context import Context, load_context
from ternary.models.bolt import Bolt, BoltConfig


@pytest.fixture(scope="module")
def engines():
    return untrained()


@pytest.mark.parametrize("sampling", [GREEDY, PENALTY], ids=["burst", "token by token"])
@pytest.mark.parametrize("count", [1, 5, 33])
def test_a_text_in_parts_is_the_whole_text(engines, sampling, count):
    engine, whole = engines[0], [*engines[0].tokens("the cat", 40, sampling)]
    context, seed = engine.new_context(), 0
    parts = [*engine.tokens("the cat", count, sampling, seed, context=context)]
    if sampling is GREEDY:                        # other draws would need the same random numbers
        parts += engine.tokens("", 40 - count, sampling, seed, context=context)
        assert parts == whole
    text = [engine.tokenizer.EOS, *engine.tokenizer.encode("the cat"), *parts]
    assert context.ids == text and context.state.positions[0] == len(text) - 1


def test_a_text_that_is_stopped_leaves_no_more_than_itself(engines):
    engine, context, fresh = engines[0], engines[0].new_context(), engines[0].new_context()
    tokens = engine.tokens("the cat", 60, GREEDY, context=context)
    taken = [next(tokens) for _ in range(7)]
    tokens.close()
    engine.compiled.read(np.array(context.ids[:-1]), fresh.state)
    assert context.ids[-7:] == taken
    np.testing.assert_allclose(context.state.numbers, fresh.state.numbers, atol=1e-5)


@pytest.mark.parametrize("stop", [" ", "t", "a", "e", " on"])
def test_a_stop_string_is_no_part_of_the_state(engines, stop):
    """Nor is what follows it in the same token."""
    engine, context = engines[0], engines[0].new_context()
    shown = "".join(engine.stream("the cat", 60, GREEDY, stop=[stop], context=context))
    assert engine.tokenizer.decode(context.ids[1:]) == "the cat" + shown
    fresh = Context(list(context.ids), engine.compiled.init_state())
    engine.compiled.read_prompt(np.array(fresh.ids[:-1]), fresh.state)
    assert [*engine.tokens("", 9, GREEDY, context=context)] == [*engine.tokens("", 9, GREEDY, context=fresh)]


def test_a_state_in_a_file(engines, tmp_path):
    engine, context = engines[0], engines[0].new_context()
    [*engine.tokens("the cat", 5, GREEDY, context=context)]
    context.save(tmp_path / "state", engine.compiled)
    loaded = load_context(tmp_path / "state", engine.compiled)
    assert [*engine.tokens(" sat", 9, GREEDY, context=loaded)] == [*engine.tokens(" sat", 9, GREEDY, context=context)]


def test_a_state_file_that_does_not_fit(engines, tmp_path):
    engine, path, other = engines[0], tmp_path / "state", Bolt(BoltConfig(VOCAB, dim=32, layers=1, hidden=32))
    engine.new_context().save(path, engine.compiled)
    with pytest.raises(ModelFileError, match="saved with another model"):
        load_context(path, decoder_of(other))
    data = path.read_bytes()
    for damaged in (data[:-40], b"", data[:20], b"no state"):
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError, match="no saved state"):
            load_context(path, engine.compiled)
    with pytest.raises(ModelFileError, match="cannot read"):
        load_context(tmp_path / "absent", engine.compiled)
    with pytest.raises(UsageError, match="compiled models only"):
        engines[1].new_context()
