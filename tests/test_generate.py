"""Generation: the same seed the same text, filters that filter, whole characters, and an end where stories end."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ternary.compiler.isa import PRECISIONS
from ternary.inference.decoders import base
from ternary.inference.generation import Engine, Sampling
from ternary.models.bolt import Bolt, BoltConfig
from ternary.text.loader import Loader
from ternary.text.tokenizer import StreamDecoder, Tokenizer
from ternary.training.optimizers.adamw import AdamW
from ternary.training.step import Trainer

STORY = "Tim had a 🐢. It was slow, but it was naïve… and it won! “Well done”, said 李 to the 🐢."
GREEDY = Sampling(temperature=0)


@pytest.fixture(scope="module")
def fresh():
    """A model that knows nothing, whose words are of equal worth."""
    tokenizer = Tokenizer.train(["the cat sat on the mat. " * 9, "a dog ran to the cat. " * 9], 300)
    return Engine(Bolt(BoltConfig(300, dim=32, layers=2, hidden=64), seed=1), tokenizer)


@pytest.fixture(scope="module")
def knowing():
    """A model that knows one story by heart."""
    tokenizer = Tokenizer.train([STORY], 300)
    model = Bolt(BoltConfig(300, dim=64, layers=2, hidden=64), seed=1)
    tokens = np.array([Tokenizer.EOS, *([*tokenizer.encode(STORY), Tokenizer.EOS] * 40)])
    loader, trainer = Loader(tokens, 8, 64, 0), Trainer(model, AdamW(model.parameters()), PRECISIONS[0])
    numba.set_num_threads(1)              # of a small model on a busy machine the faster way
    for step in range(150):
        trainer.step(*loader.batch(step), 0.01)
    return Engine(model, tokenizer)


def letters(engine, logits):
    """A model without a memory, that always says `logits` (id: logit, others 0)."""
    class Fixed:
        config = engine.model.config

        def init_state(self):
            return []

        def next_logits(self, tokens, state):
            row = np.zeros((1, self.config.vocab_size), np.float32)
            row[0, list(logits)] = list(logits.values())
            return row
    return Engine(Fixed(), engine.tokenizer, compiled=False)


# --- what is drawn


def test_greedy_is_one_text(fresh):
    texts = {fresh.generate("the", 30, GREEDY, seed) for seed in range(3)}
    assert len(texts) == 1 and texts.pop()


def test_top_k_of_one_is_greedy(fresh):
    assert fresh.generate("the", 30, Sampling(top_k=1), 5) == fresh.generate("the", 30, GREEDY, 0)
    assert fresh.generate("a", 30, Sampling(temperature=1e-6, top_k=0), 5) == fresh.generate("a", 30, GREEDY)


def test_a_seed_is_a_text(fresh):
    texts = [fresh.generate("the", 30, Sampling(), seed) for seed in (1, 2, 3, 1, 2, 3)]
    assert texts[:3] == texts[3:] and len(set(texts)) == 3


def test_filters_keep_what_they_say(fresh):
    engine = letters(fresh, {100: 5.0, 101: 4.0, 102: 3.0, 103: 2.0})

    def drawn(**sampling):
        return set(engine.tokens("", 300, Sampling(**{"temperature": 1.0, "top_k": 0} | sampling)))

    assert {100, 101, 102, 103} < drawn()
    assert drawn(top_k=2) == {100, 101}
    assert drawn(top_p=0.25) == {100}
    assert drawn(min_p=np.exp(-2.5)) == {100, 101, 102}
    assert drawn(top_k=10**6) == drawn(top_k=0)


def test_ids_without_text_are_never_drawn(fresh):
    unused = fresh.tokenizer.vocab_size - 1
    assert not fresh.tokenizer.token_bytes(unused)
    engine = letters(fresh, {Tokenizer.PAD: 50, Tokenizer.UNK: 50, Tokenizer.BOS: 50, unused: 50, 100: 9})
    assert list(engine.tokens("", 5, GREEDY)) == [100] * 5


def test_a_penalty_for_repetition(fresh):
    engine = letters(fresh, {100: 5.0, 101: 4.0, 102: -1.0})
    assert list(engine.tokens("", 4, Sampling(0, repetition_penalty=1.5))) == [100, 101, 100, 100]
    prompt = engine.tokenizer.decode([101])
    assert next(engine.tokens(prompt, 3, Sampling(0, repetition_penalty=10))) == 100
    negative = letters(fresh, dict.fromkeys(range(4, 300), -9.0) | {Tokenizer.EOS: -99.0, 50: -1.0, 51: -1.5})
    assert list(negative.tokens("", 2, Sampling(0, repetition_penalty=2))) == [50, 51]


def test_a_penalty_makes_a_model_less_repetitive(knowing):
    def repeats(penalty):
        tokens = list(knowing.tokens("Tim", 40, Sampling(temperature=0.5, repetition_penalty=penalty), 3))
        return 1 - len(set(tokens)) / len(tokens)

    assert repeats(5.0) < repeats(1.0)


# --- where it ends


def test_a_story_known_by_heart_is_told_to_its_end(knowing):
    assert knowing.generate("", 500, GREEDY) == STORY
    assert knowing.generate("Tim had a 🐢. It", 500, GREEDY) == STORY[len("Tim had a 🐢. It"):]


def test_the_end_of_a_story_ends_the_text(fresh):
    assert list(letters(fresh, {Tokenizer.EOS: 9}).tokens("the", 5, GREEDY)) == []
    assert letters(fresh, {Tokenizer.EOS: 9}).generate("the", 5, GREEDY) == ""


def test_no_more_tokens_than_asked_for(knowing):
    assert len(list(knowing.tokens("", 7, GREEDY))) == 7
    assert list(knowing.tokens("", 0, GREEDY)) == []


def test_long_texts_need_no_more_memory(fresh):
    """Far beyond any length of training, the state stays as large as it was."""
    states, model = [], fresh.model
    init_state = model.init_state

    def kept():
        states.append(init_state())
        return states[-1]

    engine = letters(fresh, {})
    engine.model.init_state, engine.model.next_logits = kept, model.next_logits
    engine.silent = np.append(engine.silent, Tokenizer.EOS)         # never ends
    tokens = engine.tokens("the", 2000, Sampling(top_k=0))
    sizes = set()
    for _ in tokens:
        sizes.add(sum(window.buffer.nbytes for window, _ in states[0]))
    assert len(sizes) == 1 and len(states) == 1


# --- prompts


@pytest.mark.parametrize("prompt", ["", " ", "Ünïcödé", "日本語 🐙", "\x00\x1b\t\r\n", "x" * 3000, "\ud800 lone"])
def test_any_prompt_goes(fresh, prompt):
    first, again = (fresh.generate(prompt, 10, seed=4) for _ in range(2))
    assert first == again
    first.encode()                        # whole characters only


def test_the_prompt_matters(knowing):
    assert knowing.generate("Tim had a", 3, GREEDY) != knowing.generate("Well done", 3, GREEDY)


# --- streams


def test_pieces_make_the_text(knowing):
    pieces = list(knowing.stream("", 500, GREEDY))
    assert "".join(pieces) == STORY and len(pieces) > 20
    assert "🐢" in "".join(pieces) and not any("\ufffd" in piece for piece in pieces)


@settings(max_examples=200)
@given(st.lists(st.integers(4, 299), max_size=40))
def test_a_stream_decodes_as_the_whole_does(fresh, ids):
    decoder = StreamDecoder(fresh.tokenizer)
    assert "".join(map(decoder.feed, ids)) + decoder.finish() == fresh.tokenizer.decode(ids)


@given(st.text(max_size=40))
def test_no_character_is_given_in_parts(fresh, text):
    decoder, given = StreamDecoder(fresh.tokenizer), ""
    for id in fresh.tokenizer.encode(text):
        given += decoder.feed(id)
        assert text.startswith(given)
    assert given == text and decoder.finish() == ""


@pytest.mark.parametrize("compiled", [True, False])
def test_a_long_prompt_is_read_in_parts(fresh, monkeypatch, compiled):
    monkeypatch.setattr(base, "CHUNK", 50)
    engine, prompt, parts = Engine(fresh.model, fresh.tokenizer, compiled=compiled), "the cat sat on the mat. " * 40, []
    count = len(engine.tokenizer.encode(prompt)) + 1
    told = list(engine.tokens(prompt, 8, GREEDY, told=lambda done, of: parts.append((done, of))))
    assert told == list(engine.tokens(prompt, 8, GREEDY))
    assert parts == sorted(set(parts)) and parts[-1] == (count, count)
    assert len(parts) > 3 or compiled             # which reads no more of the prompt than the model sees


def test_texts_that_come_in_turns_are_those_of_one_after_the_other(fresh):
    """Each counts its own tokens."""
    expected = [[*fresh.tokens("the cat", 40, seed=k)] for k in range(2)]
    both = [fresh.tokens("the cat", 40, seed=k) for k in range(2)]
    found = [[], []]
    for _ in range(40):
        for tokens, text in zip(both, found):
            text += [token for token in [next(tokens, None)] if token is not None]
    assert found == expected
