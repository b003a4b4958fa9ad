"""The embedded corpus: simple children's stories from a probabilistic grammar, so that their entropy is known.

    stories(seed, start, stop)    the stories, in order
    story(index, seed)            one of them
    log_prob(text)                exact log-probability of a story, in nats
    bits_per_char(texts)          the lowest bits per character that any model can reach on these stories
    SPLITS                        "train" and "validation": the seed and the number of stories of each
    VERSION                       changes whenever the text of any story changes

A story is a pure function of (seed, index). SHAKE-128 of both gives its random numbers, the same on every platform,
and the grammar turns them into text. The grammar is code (grammar.py, parse.py); its rules and words are text files
in `data/`, which are read when the first story is asked for.
"""

from ternary.fables.corpus import SPLITS, VERSION, Split, bits_per_char, log_prob, stories, story

__all__ = ["SPLITS", "VERSION", "Split", "bits_per_char", "log_prob", "stories", "story"]
