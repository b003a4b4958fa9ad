"""Training and validation text of one corpus."""

import hashlib
from collections.abc import Callable

from ternary.errors import DataError, UsageError
from ternary.text.story import SEPARATOR, Corpus, fingerprint, say

# Beyond so many characters or stories chance splits well enough: no story has over 4 MiB.
LOOKED_AT, STORIES = 32 << 20, 500_000
MUCH, LITTLE = 0.25, 0.1      # of the text, and of `fraction` of it: more or less is no validation split
FEW = 10                      # stories whose mean says little


def split_corpus(corpus: Corpus, fraction: float = 0.02) -> tuple[Corpus, Corpus]:
    """(train, validation): a hash of its text puts each story on one side, so duplicates stay together.

    Each side has at least one story; a corpus of one distinct story raises DataError. If that gave validation far too
    much or too little of the text, because a few stories are much longer than the others, some others are taken.
    """
    if not 0 < fraction < 1:
        raise UsageError(f"validation fraction {fraction}; want a number between 0 and 1")
    cut, low, high = int(fraction * 2**64), 2**64, -1
    sizes: dict[int, list[int]] | None = {}           # of each distinct story: all of its copies, their number
    looked_at = 0
    for story in corpus.stories():
        place = _place(story)
        low, high, looked_at = min(low, place), max(high, place), looked_at + len(story)
        if sizes is not None:
            copies = sizes.setdefault(place, [0, 0])
            copies[0], copies[1] = copies[0] + len(story), copies[1] + 1
            if looked_at > LOOKED_AT or len(sizes) > STORIES:
                sizes = None
        if sizes is None and low < cut <= high:
            break
    if low >= high:
        read_as = "".join(f"; it was read as {line}" for line in corpus.facts.get("read_as", ())[:1])
        raise DataError(
            f"{corpus.name} holds one distinct story; a validation split needs two: separate stories by blank lines or "
            f"by {SEPARATOR} (then blank lines are part of a story), or give validation text with --val-data{read_as}"
        )
    cut = min(max(cut, low + 1), high)
    chosen = _by_amount(corpus.name, sizes, cut, fraction) if sizes else None
    size, how = corpus.size and int(corpus.size * (1 - fraction)), (cut,) if chosen is None else (cut, "by amount")

    def is_held_out(story: str) -> bool:
        return _place(story) < cut if chosen is None else _place(story) in chosen

    def side(name: str, keep: Callable[[str], bool]) -> Corpus:
        digest = fingerprint(corpus.fingerprint, name, *how)
        return Corpus(f"{corpus.name} ({name})", digest, lambda: filter(keep, corpus.stories()), size, corpus.facts)

    return side("train", lambda story: not is_held_out(story)), side("validation", is_held_out)


def _by_amount(name: str, sizes: dict[int, list[int]], cut: int, fraction: float) -> set[int] | None:
    """The places of the validation stories, if those below the cut have far too much or too little text."""
    total = sum(size for size, _ in sizes.values())
    held = [place for place in sizes if place < cut]
    amount = sum(sizes[place][0] for place in held)
    chosen: set[int] | None = None
    if not LITTLE * fraction * total <= amount <= max(MUCH, 2 * fraction) * total:
        short = sorted(place for place, (size, _) in sizes.items() if size <= MUCH / 2 * total)
        most = min(max(1, int(10 * fraction * len(short))), len(short) - (len(short) == len(sizes)))
        taken, chosen_amount = 0, 0
        while taken < most and chosen_amount < fraction * total:
            chosen_amount, taken = chosen_amount + sizes[short[taken]][0], taken + 1
        if taken:
            say(f"{name}: the usual split would validate on {amount / total:.2%} of the text, as a few stories are "
                f"much longer than others; other stories are taken, with {chosen_amount / total:.2%}")
            held, amount, chosen = short[:taken], chosen_amount, set(short[:taken])
    stories = sum(sizes[place][1] for place in held)
    if stories < FEW:
        say(f"{name}: only {stories} of {sum(n for _, n in sizes.values()):,} stories, {amount:,} characters, are for "
            "validation, so scores are rough; give more with --val-data")
    return chosen


def _place(story: str) -> int:
    """Uniform in 0 .. 2**64 - 1, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(story.encode(), digest_size=8).digest(), "little")
