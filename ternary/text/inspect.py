"""What a corpus is made of, before anybody trains on it."""
import heapq
from collections import Counter
from itertools import islice

import numpy as np

from ternary.text.story import Corpus
from ternary.text.token_store import TokenStore
from ternary.text.tokenizer import FIRST_PIECE, SPECIALS
from ternary.text.vocabulary import SURROGATE, WORD, chunks

SHOWN = 10
CHUNK = 1 << 20                   # tokens that are counted at once


def inspect(corpus: Corpus, store: TokenStore, sample: int = 20_000) -> dict:
    """-> the JSON of `ternary data inspect`: counts of all stories; words of the first `sample` of them.

    coverage is the share of words that are one token, byte_share that of tokens that are single bytes.
    """
    lengths, header = np.diff(store.offsets), store.header
    used = sum(np.bincount(store.tokens[k:k + CHUNK], minlength=header["vocab_size"])
               for k in range(0, len(store.tokens), CHUNK))               # which takes 8 bytes per token
    pieces = used[FIRST_PIECE:]
    words, first = Counter(), None
    for story in islice(corpus.stories(), sample):
        first = first or story
        found = chunks(SURROGATE.sub("\ufffd", story))
        words.update(chunk[match.start():].strip() for chunk in found if (match := WORD.search(chunk)))
    longest = heapq.nlargest(SHOWN, words, key=len)
    return {
        "source": corpus.name, **corpus.facts,
        "stories": header["stories"], "tokens": header["tokens"], "chars": header["chars"],
        "bytes": header["bytes"], "chars_per_token": header["chars"] / header["tokens"],
        "story_tokens": {name: int(np.quantile(lengths, q)) for name, q in
                         (("shortest", 0), ("5 %", 0.05), ("median", 0.5), ("95 %", 0.95), ("longest", 1))},
        "vocab_size": header["vocab_size"], "vocab_used": int((used > 0).sum()),
        "pieces_seen_10_times": float((pieces >= 10).mean()) if len(pieces) else 0.0,
        "byte_share": float(used[SPECIALS:FIRST_PIECE].sum() / max(1, header["tokens"])),
        "distinct_words": len(words), "commonest_words": [w for w, _ in words.most_common(SHOWN)],
        "longest_words": longest, "sample": (first or "")[:400],
        "source_hash": header["source_hash"], "tokenizer_hash": header["tokenizer_hash"],
    }
