"""The rule "unigram": the cheapest cut of a whole text, and the ids that Hugging Face `tokenizers` gives."""
import json
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import example, given
from test_tokenizer import STORIES, TINY, any_text

from ternary import fables
from ternary.text.tokenizer import FIRST_PIECE, SPECIALS, Tokenizer
from ternary.text.unigram import JOINED, PIECE, UNKNOWN, WITH_TRAILING_SPACE, costs_of

UNIGRAM = TINY.with_rule("unigram")
COSTS = dict(zip(TINY.pieces, costs_of(TINY.pieces)))


def least(text):
    """The cost of the cheapest cut of a text that is not cut into chunks first."""
    best = [0]
    for end in range(1, len(text) + 1):
        known = [best[first] + COSTS[text[first:end]] for first in range(end) if text[first:end] in COSTS]
        best.append(min([*known, best[end - 1] + COSTS.get(text[end - 1], UNKNOWN)]))
    return best[-1]


def cost_of(ids):
    pieces = sum(COSTS[TINY.pieces[id - FIRST_PIECE]] for id in ids if id >= FIRST_PIECE)
    in_bytes = bytes(id - SPECIALS for id in ids if id < FIRST_PIECE)
    return pieces + UNKNOWN * len(in_bytes.decode())


@given(any_text.filter(lambda text: len(text) < 100))
@example("dogs' tails, rock'n'roll and 'n' it")
@example("-" * 20 + "a" * 40 + "'" + "s" * 12)
@example(STORIES[2])
def test_no_cut_of_the_whole_text_is_cheaper(text):
    ids = UNIGRAM.encode(text)
    assert UNIGRAM.decode(ids) == text and cost_of(ids) == least(text)


def test_many_texts_together_get_the_ids_of_each():
    assert [ids.tolist() for ids in UNIGRAM.encode_arrays(STORIES)] == [UNIGRAM.encode(text) for text in STORIES]


def test_a_long_run_is_one_unit_and_quick():
    text = "-" * 100_000
    assert UNIGRAM.decode(UNIGRAM.encode(text)) == text


def test_costs_prefer_few_pieces_and_do_not_repeat():
    pieces = [f" {k}" for k in range(65_000)]
    costs = costs_of(pieces)
    assert costs[0] == PIECE and max(costs) < 2 * PIECE and all(a <= b for a, b in pairwise(costs))
    assert costs_of([". He"])[0] == JOINED and costs_of([". "])[0] == WITH_TRAILING_SPACE
    assert max(costs) - PIECE + JOINED < 2 * PIECE               # a joined piece is cheaper than its halves


def test_the_file_says_which_rule_it_is():
    assert json.loads(UNIGRAM.to_json())["format"] == "ternary-unigram-1" and UNIGRAM.hash != TINY.hash
    again = Tokenizer.from_json(UNIGRAM.to_json())
    assert again.rule == "unigram" and again.encode(STORIES[1]) == UNIGRAM.encode(STORIES[1])
    assert Tokenizer.from_json(TINY.to_json()).rule == "fewest" and again.with_rule("fewest").hash == TINY.hash


@cache
def of_fables():
    texts = list(fables.stories(0, 0, 600))
    return texts, Tokenizer.train(texts, 2048).with_rule("unigram")


def test_hugging_face_gives_the_same_ids():
    hub = pytest.importorskip("tokenizers")
    from ternary.export.vocabulary import hub_tokenizer
    texts, tokenizer = of_fables()
    theirs = hub.Tokenizer.from_str(json.dumps(hub_tokenizer(tokenizer, "hf")))
    for text in [*texts[:300], "café naïve 日本語 🙂", " a\t\r\n\x00 ", "don't 'yes' it's dogs' tails", ""]:
        ids = tokenizer.encode(text)
        assert theirs.encode(text, add_special_tokens=False).ids == ids
        assert theirs.encode(text).ids == [Tokenizer.EOS, *ids]
        assert theirs.decode(ids) == text
