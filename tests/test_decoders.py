"""Decoders, penalties and stop strings."""
import numpy as np
import pytest

from ternary import ops
from ternary.autograd.tape import Tape
from ternary.errors import UsageError
from ternary.inference.decoders import early_exit
from ternary.inference.decoders.ngram import NgramTable
from ternary.inference.generation import Engine
from ternary.inference.penalties import Penalties
from ternary.inference.sampling import Sampling
from ternary.inference.stops import StopStrings
from ternary.models.bolt import Bolt, BoltConfig
from ternary.nn.heads import Compass, ExitHead
from ternary.nn.linear import Linear
from ternary.text.tokenizer import Tokenizer

TEXT = "the cat sat on the mat. a dog ran to the cat. the dog sat. "
GREEDY = Sampling(temperature=0)


class BoltWithHeads(Bolt):
    def add_heads(self, rng):
        c = self.config
        self.value_heads = [Linear(c.dim, 1, rng, std=0.3) for _ in range(c.layers)]
        self.compass = Compass(c.dim, rng)
        self.exits = [ExitHead(layer, c.vocab_size, c.dim, 8, rng) for layer in (1, 2)]


@pytest.fixture(scope="module")
def model():
    return BoltWithHeads(BoltConfig(300, dim=32, layers=3, hidden=64), seed=1)


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train([TEXT * 9], 300)


@pytest.fixture(scope="module")
def text_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "train.txt"
    path.write_text(TEXT * 9, encoding="utf-8")
    return str(path)


# ---- decoders -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("decoder, fields", [
    ("search", {"candidates": 1}),                        # nothing to choose from
    ("search", {"sampled": False, "value_weight": 0.0}),  # the most likely token
    ("compass", {"weight": 0.0}),
    ("early_exit", {"confidence": 1.0, "falling": 0.0}),  # no exit is as sure as that
])
def test_a_decoder_that_changes_nothing_generates_the_plain_text(model, tokenizer, decoder, fields):
    plain = Engine(model, tokenizer).generate("the cat", 20, GREEDY)
    assert Engine(model, tokenizer, decoder, **fields).generate("the cat", 20, GREEDY) == plain


@pytest.mark.parametrize("decoder, fields", [("search", {"value_weight": 50.0, "sampled": False}),
                                             ("compass", {"weight": 100.0}), ("ngram", {"weight": 1.0})])
def test_a_decoder_with_a_large_weight_generates_another_text(model, tokenizer, text_file, decoder, fields):
    fields = {**fields, "text": text_file} if decoder == "ngram" else fields
    plain = Engine(model, tokenizer).generate("the cat", 20, GREEDY)
    assert Engine(model, tokenizer, decoder, **fields).generate("the cat", 20, GREEDY) != plain


def test_search_takes_the_candidate_with_the_lowest_foreseen_loss(model, tokenizer):
    engine = Engine(model, tokenizer, "search", sampled=False, candidates=5, value_weight=1e6)
    state = engine.decoder.init_state()
    logits = engine.decoder.logits(np.array([[3, 10, 20]]), state)
    token = engine.decoder.choose(logits, state, None)
    likely = np.argsort(-logits, kind="stable")[:5]

    def value(token):
        outputs = []
        with Tape("fp32", record=False):
            model.hidden(np.array([[3, 10, 20, token]]), outputs=outputs)
            return ops.as_array(model.value_heads[-1](outputs[-1]))[0, -1, 0]
    assert token == min(likely, key=value)


def test_search_counts_what_occurred(model, tokenizer):
    engine = Engine(model, tokenizer, "search", sampled=False, candidates=64, value_weight=0.0, count_weight=1e6)
    state = engine.decoder.init_state()
    logits = engine.decoder.logits(np.array([[3, 10, 20, 10]]), state)
    logits[10] = 1000
    assert engine.decoder.choose(logits, state, None) not in (3, 10, 20)


def test_blocks_above_an_exit_see_every_token_later(model, tokenizer):
    """Exits at every token but the last: its logits are those of the model without exits."""
    tokens = np.random.default_rng(0).integers(4, 300, 12)
    decoder = Engine(model, tokenizer, "early_exit", confidence=0.0, falling=0.0).decoder
    state = decoder.init_state()
    for token in tokens[:-1]:
        decoder.logits(np.array([[token]]), state)
    assert sum(x.shape[1] for x in state.waiting[1]) == 11
    object.__setattr__(decoder.config, "confidence", 1.0)
    logits = decoder.logits(tokens[None, -1:], state)
    with Tape("fp32", record=False):
        whole = ops.as_array(model(tokens[None]))[0, -1]
    np.testing.assert_allclose(logits, whole, atol=1e-4 * abs(whole).max())


def test_a_long_prompt_may_exit_in_its_last_part_only(model, tokenizer, monkeypatch):
    tokens, decoder = np.arange(4, 14)[None], Engine(model, tokenizer, "early_exit", confidence=0.0).decoder
    whole, parts = decoder.init_state(), decoder.init_state()
    expected = decoder.logits(tokens, whole)
    monkeypatch.setattr(early_exit, "CHUNK", 4)
    told = []
    np.testing.assert_allclose(decoder.logits(tokens, parts, lambda *n: told.append(n)), expected, atol=1e-4)
    assert told == [(4, 10), (8, 10), (10, 10)] and sum(x.shape[1] for x in parts.waiting[1]) == 2


def test_ngrams_are_counted_as_they_come():
    table = NgramTable(np.array([5, 6, 7, 5, 6, 8, 5, 6, 7, 300, 5]), 3)
    following, p = table.following(np.array([5, 6]))
    assert dict(zip(following.tolist(), p.tolist())) == {7: pytest.approx(2 / 3), 8: pytest.approx(1 / 3)}
    assert table.following(np.array([7, 300]))[0].tolist() == [5]
    assert not len(table.following(np.array([6, 6]))[0])


def test_ngrams_alone_copy_the_text(model, tokenizer, text_file):
    engine = Engine(model, tokenizer, "ngram", text=text_file, weight=1.0, order=4)
    assert TEXT.startswith("the cat sat on" + engine.generate("the cat sat on", 3, GREEDY)[:9])


@pytest.mark.parametrize("decoder", ["search", "compass", "early_exit"])
def test_a_decoder_refuses_a_model_without_its_heads(tokenizer, decoder):
    with pytest.raises(UsageError, match=f"--decoder {decoder} needs a model with .*, which Bolt is not"):
        Engine(Bolt(BoltConfig(300, dim=32, layers=1, hidden=64)), tokenizer, decoder)


def test_a_text_shorter_than_an_ngram_is_refused(model, tokenizer, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(UsageError, match="less than the 8 of an n-gram"):
        Engine(model, tokenizer, "ngram", text=str(tmp_path / "a.txt"), order=8)


def test_ngram_without_a_text_says_how_to_give_one(model, tokenizer):
    with pytest.raises(UsageError, match="--set text=FILE"):
        Engine(model, tokenizer, "ngram")


def test_unknown_decoders_and_fields_are_refused(model, tokenizer):
    with pytest.raises(UsageError, match="no decoder is called 'serch'; did you mean search"):
        Engine(model, tokenizer, "serch")
    with pytest.raises(UsageError, match="search has no such setting; it has candidates"):
        Engine(model, tokenizer, "search", beam=4)


# ---- penalties --------------------------------------------------------------------------------------------
def test_frequency_and_presence_are_taken_from_the_logits_of_tokens_that_occurred():
    penalties = Penalties(Sampling(frequency_penalty=0.5, presence_penalty=1.0), 6, [2, 2])
    penalties.add(4)
    np.testing.assert_allclose(penalties.applied(np.zeros(6, np.float32)), [0, 0, -2, 0, -1.5, 0])


@pytest.mark.parametrize("n, banned", [(1, {1, 2, 3}), (2, {2, 3}), (3, {3}), (4, set()), (9, set())])
def test_no_ngram_comes_twice(n, banned):
    logits = Penalties(Sampling(no_repeat_ngram=n), 6, [2, 1, 3, 1, 2, 1]).applied(
        np.zeros(6, np.float32))
    assert set(np.flatnonzero(np.isinf(logits)).tolist()) == banned


def test_without_penalties_logits_stay_as_they_are():
    logits = np.zeros(6, np.float32)
    assert Penalties(Sampling(), 6, [1, 2]).applied(logits) is logits


# ---- stop strings -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("pieces, shown", [
    (["one two END three"], "one two "),
    (["one two E", "N", "D three"], "one two "),
    (["E", "N", "E", "ND"], "EN"),
    (["one. ", "\n\n", "two"], "one. "),
    (["no stop E", "N"], "no stop EN"),
    ([], ""),
])
def test_text_ends_before_a_stop_string(pieces, shown):
    stops, text = StopStrings(["END", "\n\n"]), ""
    for piece in pieces:
        text += stops.feed(piece)
        if stops.found:
            break
    assert text + stops.finish() == shown


def test_generation_stops_at_a_text(model, tokenizer):
    engine = Engine(model, tokenizer)
    whole = engine.generate("the", 40, GREEDY)
    stop = whole[10:14]
    assert engine.generate("the", 40, GREEDY, stop=[stop]) == whole[:whole.index(stop)]
    assert "".join(engine.stream("the", 40, GREEDY, stop=[stop])) == whole[:whole.index(stop)]
