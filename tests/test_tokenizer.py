import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ternary.errors import DataError, UsageError
from ternary.text import tokenizer as module
from ternary.text import vocabulary
from ternary.text.spelling import CHARACTER, Keys, Speller, Spelling, Trie, joint_hashes, parts_of
from ternary.text.tokenizer import StreamDecoder, Tokenizer

STORIES = [
    "Once upon a time, there was a little dog. He was happy.\nHe said, \"I like the park!\"",
    "The dog ran to the park. He saw a bird, and the bird sang. \"Hello, bird!\" said the dog.",
    "Lily's mom was happy. She said, \"Don't run, Lily.\" Lily jumped, and jumped, and jumped again.",
    "They played together. They jumped. They were happy, and they were naïve. 🐶 The end…",
] * 6 + [f"The {a}{b} was {a}ly." for a in ("quick", "slow", "bright", "soft") for b in ("ness", "ling")]

TINY = Tokenizer.train(STORIES, 400)
GOLDEN = {2: "1f0bd67425122436a0319b85d1a110730a8c0a9c0ae7db0d7622263f3116117a"}  # by vocabulary.VERSION
UNSPACED = {2: {"Chinese": "139976b8cfdc4b4826fe95a0b913d822c643cc741f747151971fa60313049461",
                "Japanese": "ee7f755a71084e31a0af63e401d1f895b961f52be25f014793a7a31b6a8f1ace",
                "Thai": "a6033b5427d5735f818bbdb361537865af71e5c64ebd42a4e46eb310d0188006"}}
TINYSTORIES = Path(__file__).parents[2] / "shared" / "data" / "tinystories"

SCRAPS = ["He", " dog", ". ", "\r\n", "\t", "🐶", "👨\u200d👩\u200d👧", "é", "’s", "'", "\0", "\u2028", "_"]
any_text = st.text() | st.lists(st.sampled_from(SCRAPS)).map("".join)


# Lossless text

@given(any_text)
@example("  \r\n\t \u00a0\u3000\ufeff mixed \x00 white space ")
@example("'" * 30 + "a" * 100 + "🐶" * 30)
@example("\ufffd")
def test_every_text_comes_back(text):
    ids = TINY.encode(text)
    assert TINY.decode(ids) == text
    assert all(id > Tokenizer.EOS for id in ids)


@given(any_text)
def test_bytes_alone_are_lossless(text):
    bare = Tokenizer([], 260)
    assert bare.encode(text) == [4 + b for b in text.encode()]
    assert bare.decode(bare.encode(text)) == text


@given(st.text(st.characters() | st.characters(categories=["Cs"])))
@example("a\ud83d b\udc36")
def test_lone_surrogates_become_replacement_characters(text):
    clean = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    assert TINY.decode(TINY.encode(text)) == clean
    assert Tokenizer.train([text + "x"], 300).decode(TINY.encode("")) == ""


def test_names_of_specials_are_plain_text():
    for text in ("<|endoftext|>", "<pad>", "<unk>", "</s>"):
        assert TINY.decode(TINY.encode(text)) == text


def test_array_and_list_agree():
    ids = TINY.encode_array(STORIES[0])
    assert ids.dtype == np.uint16 and ids.flags.writeable
    assert ids.tolist() == TINY.encode(STORIES[0])
    assert TINY.encode_array("").shape == (0,) and TINY.encode("") == []


@given(any_text)
def test_long_texts_are_cut_without_a_trace(text):
    whole = TINY.encode(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary, "WINDOW", 3)
        assert TINY.encode(text) == whole


def test_cache_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "CACHE_SIZE", 10)
    fresh = Tokenizer(TINY.pieces, TINY.vocab_size)
    text = " ".join(f"word{i}" for i in range(500))
    assert fresh.encode(text) == TINY.encode(text)
    assert len(fresh._chunks) <= 10


# What is a token

def test_words_and_joins_are_one_token_and_fallback_takes_the_fewest():
    toy = Tokenizer([" jump", "ing", " jumpi", "n", "g", ". He", ".", " He", "un"], 300)
    text = lambda ids: [toy.decode([i]) for i in ids]
    assert text(toy.encode(" jumping")) == [" jump", "ing"]  # not the longest match " jumpi", "n", "g"
    assert text(toy.encode(". He jump")) == [". He", " jump"]
    assert text(toy.encode(". Hen")) == [".", " He", "n"]  # the word is cut apart from its punctuation
    assert toy.encode("z") == [4 + ord("z")]
    assert toy.encode("é") == [4 + 0xC3, 4 + 0xA9]


def test_unseen_words_are_few_fragments():
    starts = ("jump", "walk", "play", "help", "work", "cook", "lick", "kick")
    words = [" " + start + end for start in starts for end in ("ing", "ers", "ful", "less")]
    seen, unseen = [word for i, word in enumerate(words) if i % 5], words[::5]
    tokenizer = Tokenizer.train(["".join(seen)], 260 + 80)
    assert not set(words) & set(tokenizer.pieces)
    assert np.mean([len(tokenizer.encode(word)) for word in unseen]) <= 3


def test_pieces_come_by_use():
    counts = np.bincount(np.concatenate([TINY.encode_array(s) for s in STORIES]), minlength=400)
    used = counts[260 : 260 + len(TINY.pieces)]
    assert (np.diff(used) <= 0).all() and used[-1] > 0


# Training

def test_what_a_version_learns_never_changes():
    assert TINY.hash == GOLDEN[vocabulary.VERSION]


def unspaced(first: int, letters: int, longest: int) -> list[str]:
    """Texts without spaces, of random words from `letters` characters."""
    pick = random.Random(first)
    words = ["".join(chr(first + int(letters * pick.random() ** 2)) for _ in range(pick.randint(1, longest)))
             for _ in range(300)]
    return ["".join(pick.choice(words) + "。" * (pick.random() < 0.1) for _ in range(60)) for _ in range(40)]


@pytest.mark.parametrize("name, texts", [("Chinese", unspaced(0x4E00, 800, 3)), ("Japanese", unspaced(0x3041, 90, 5)),
                                         ("Thai", unspaced(0x0E01, 60, 8))])
def test_what_a_version_learns_of_scripts_without_spaces_never_changes(name, texts):
    assert Tokenizer.train(texts, 700).hash == UNSPACED[vocabulary.VERSION][name]


def test_vocabulary_does_not_depend_on_the_order():
    shuffled = STORIES.copy()
    random.Random(1).shuffle(shuffled)
    assert Tokenizer.train(iter(shuffled), 400).to_json() == TINY.to_json()
    assert Tokenizer.train(STORIES, 300).hash != TINY.hash


@pytest.mark.parametrize("size", [260, 261, 300, 1000, 65536])
def test_vocabulary_has_the_size_asked_for(size):
    tokenizer = Tokenizer.train(STORIES, size)
    assert tokenizer.vocab_size == size and len(tokenizer.pieces) <= size - 260
    assert max(tokenizer.encode(STORIES[0])) < size
    assert tokenizer.decode([size - 1]) in {*tokenizer.pieces, "", "\ufffd"}


@pytest.mark.parametrize("size", [259, 0, -1, 65537, 300.0])
def test_vocabulary_size_out_of_range(size):
    with pytest.raises(UsageError, match="260 to 65536"):
        Tokenizer.train(STORIES, size)


def test_a_single_string_is_not_a_corpus():
    with pytest.raises(UsageError, match="single string"):
        Tokenizer.train(STORIES[0])


@pytest.mark.parametrize("texts", [[], [""], iter(())])
def test_empty_corpus(texts):
    with pytest.raises(DataError, match="no text"):
        Tokenizer.train(texts)


@pytest.mark.parametrize("text", ["a", "\n", "🐶", "\ud800"])
def test_smallest_corpus(text):
    assert Tokenizer.train([text]).vocab_size == 10_000


def test_training_forgets_rare_chunks_of_a_huge_corpus(monkeypatch):
    monkeypatch.setattr(vocabulary, "MAX_CHUNKS", 20)
    texts = [f"the dog x{i}q" for i in range(200)]
    counts = vocabulary.ChunkCounts()
    counts.add(vocabulary.count_chunks(texts))
    assert len(counts.counts) <= 20 and counts.floor == 1
    assert len(Tokenizer.train(texts, 300).encode("the dog")) == 2


# Decoding

@given(st.lists(st.integers(0, 399)))
@example([4 + b for b in b"\xf0\x9f\x90"])
@example([4 + 0xF0, Tokenizer.EOS, 4 + 0x9F, 4 + 0x90, 4 + 0xB6])
@example([4 + b for b in b"\xed\xa0\x80\xff"])
def test_any_ids_decode_and_the_stream_agrees(ids):
    stream = StreamDecoder(TINY)
    parts = [stream.feed(id) for id in ids]
    assert "".join(parts) + stream.finish() == TINY.decode(ids) == TINY.decode(np.array(ids, np.uint16))
    assert b"".join(map(TINY.token_bytes, ids)).decode("utf-8", "replace") == TINY.decode(ids)


@given(any_text)
def test_stream_holds_back_half_characters(text):
    stream = StreamDecoder(TINY)
    seen = ""
    for byte in text.encode():
        seen += stream.feed(4 + byte)
        assert text.startswith(seen)
    assert seen == text and stream.finish() == ""


def test_stream_finishes_a_broken_character_and_starts_anew():
    stream = StreamDecoder(TINY)
    assert [stream.feed(4 + b) for b in "🐶".encode()] == ["", "", "", "🐶"]
    assert stream.feed(4 + 0xF0) == "" and stream.finish() == "\ufffd"
    assert stream.feed(4 + ord("a")) == "a" and stream.finish() == ""


def test_specials_and_unused_ids_are_silent():
    roomy = Tokenizer(["dog"], 300)
    assert roomy.decode([0, 1, 2, 260, 3, 299]) == "dog"
    assert roomy.token_bytes(260) == b"dog" and roomy.token_bytes(299) == b""


@pytest.mark.parametrize("id", [-1, 400, 1 << 40, "5", None, [1]])
def test_ids_out_of_range(id):
    for use in (TINY.token_bytes, lambda i: TINY.decode([5, i]), StreamDecoder(TINY).feed):
        with pytest.raises(UsageError, match="0 to 399"):
            use(id)


# Files


# Real stories

def stories(name):
    text = (TINYSTORIES / name).read_text("utf-8")
    return [story for part in text.split("<|endoftext|>") if (story := part.strip())]


@pytest.mark.skipif(not TINYSTORIES.exists(), reason="needs the TinyStories sample")
def test_beats_whole_words_and_bpe_on_real_stories():
    tokenizer = Tokenizer.train(stories("train.txt"))
    assert len(tokenizer.pieces) > 9_000
    valid = stories("valid.txt")
    ids = [tokenizer.encode_array(story) for story in valid]
    assert all(tokenizer.decode(i) == story for i, story in zip(ids[::50], valid[::50]))
    counts = np.bincount(np.concatenate(ids), minlength=10_000)
    # Words alone and a BPE of 10,000 give 4.08 characters per token; words alone 1.2 % of byte tokens.
    assert sum(map(len, valid)) / (counts.sum() + len(valid)) > 4.7
    assert counts[4:260].sum() < 1e-4 * counts.sum()
    assert counts[:4].sum() == 0


@settings(max_examples=60)
@given(st.lists(st.text("aé中文🐌", max_size=12), min_size=1, max_size=9),
       st.sets(st.text("aé中文🐌", min_size=1, max_size=5), max_size=20))
def test_texts_spelled_together_have_the_fewest_parts_of_each(texts, pieces):
    speller, spelled = Speller(pieces), [[] for _ in texts]
    owner, numbers = speller.cut(texts)
    for k, part in zip(owner.tolist(), speller.parts(numbers)):
        spelled[k].append(part)
    known = vocabulary.with_beginnings(pieces)
    assert spelled == [vocabulary.fewest(text, known) for text in texts]


@given(st.lists(st.text("aé中文🐌", max_size=12), min_size=1, max_size=9),
       st.lists(st.text("aé中文🐌", min_size=1, max_size=5), max_size=20, unique=True), st.integers(0, 20))
def test_pieces_may_be_added_later(texts, pieces, first):
    spelling = Spelling(texts)
    for some, number in ((pieces[:first], 0), (pieces[first:], len(pieces[:first]))):
        spelling.add(Trie(some, number))
        spelling.cut()
    for one, other in zip(spelling.cut(), Speller(pieces).cut(texts)):
        assert one.tolist() == other.tolist()


def test_keys_that_share_a_slot_are_found():
    keys = np.sort(np.random.default_rng(1).choice(1 << 40, 5000, replace=False))
    found = Keys(keys)
    assert found.shared.any()
    which, at = found.find(np.concatenate([keys[::-1], keys + 1]))
    assert which[:5000].tolist() == list(range(5000)) and at[:5000].tolist() == list(range(5000))[::-1]
    assert which[5000:].tolist() == (5000 + np.flatnonzero(np.isin(keys + 1, keys))).tolist()


@given(st.lists(st.text("ab文", min_size=1, max_size=3), min_size=1, max_size=9, unique=True))
def test_joins_that_spell_the_same_have_the_same_hash(pieces):
    numbers = [*range(len(pieces)), *(CHARACTER + ord(c) for c in "ab文")]
    pairs = np.array([(a, b) for a in numbers for b in numbers]).T
    spelled = ["".join(two) for two in zip(parts_of(pairs[0], pieces), parts_of(pairs[1], pieces))]
    assert len(set(zip(spelled, joint_hashes(pairs, pieces).tolist()))) == len(set(spelled))


def test_many_new_chunks_are_encoded_as_one_by_one(monkeypatch):
    texts = [f"文{chr(0x4e00 + n)}字 {n}. " * 3 + STORIES[n % len(STORIES)] for n in range(60)] + ["a\ud800b", ""]
    one_by_one = [TINY.encode_array(text).tolist() for text in texts]
    monkeypatch.setattr(module, "MANY", 1)
    fresh = Tokenizer(TINY.pieces, TINY.vocab_size)
    assert [ids.tolist() for ids in fresh.encode_arrays(texts)] == one_by_one
