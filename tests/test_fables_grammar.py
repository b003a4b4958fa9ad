"""The grammar of the embedded corpus: one derivation for each text, and exact probabilities."""
import itertools
import math
import re
from functools import cache
from itertools import pairwise

import pytest

from ternary import fables
from ternary.fables.corpus import grammar, random_numbers
from ternary.fables.forms import Category
from ternary.fables.grammar import Grammar
from ternary.fables.nodes import SCALE, Choice, Draw, Ref
from ternary.fables.parse import Parse


@pytest.fixture(scope="module")
def texts():
    return list(fables.stories(seed=3, start=0, stop=3000))


@pytest.fixture(scope="module")
def mini():
    """A grammar small enough to enumerate, with every construct: shared slots, forms, options, blocks."""
    pronouns = {"Ann": "she", "Bo": "he", "Cy": "he", "Di": "she"}
    people = Category([{"": name, "he": pronoun} for name, pronoun in pronouns.items()])
    tale = """= hero friend

{hero} met {friend}.
The (shy|<size>) {hero.he} was {hero}[ <how>], said {friend}.

¶?
It was a <size> day.

{^he} [<how> ]went home.
{friend} stayed."""
    words = {"name": people, "how": Category([{"": "slowly"}, {"": "gladly"}])}
    return Grammar(
        {"tale": tale, "size": "big\nsmall\nold and wise"}, {"hero": "name", "friend": "name"}, words, "tale"
    )


def choices(root):
    """Every Choice that can be reached from `root`, once."""
    seen: dict[int, Choice] = {}

    def visit(sequence):
        for op in sequence:
            if type(op) is Choice and id(op) not in seen:
                seen[id(op)] = op
                for option in op.options:
                    visit(as_sequence(option))

    visit(root)
    return list(seen.values())


def as_sequence(option):
    return (option,) if type(option) is str else option


def plain_texts(op):
    """The texts of a word category or a mention, else None."""
    if type(op) is Ref:
        return op.forms
    if type(op) is Choice and not op.parts:
        return op.options
    return None


@cache
def overlaps(a, b, last="x"):
    """Whether a text of sequence `a` may equal one of `b`, or either end inside the other at a word's end."""
    a, b = (tuple(itertools.dropwhile(lambda op: type(op) is Draw or op == "", s)) for s in (a, b))
    if not a or not b:
        rest = a or b
        return not rest or not last.isalpha() or any(not c.isalpha() for c in first_characters(rest))
    x, y = a[0], b[0]
    if x is y or (type(x) is Ref and type(y) is Ref and x == y):
        return overlaps(a[1:], b[1:])           # both read the same characters
    if type(x) is str and type(y) is str:
        n = min(len(x), len(y))
        return x[:n] == y[:n] and overlaps((x[n:], *a[1:]), (y[n:], *b[1:]), x[n - 1])
    xs, ys = plain_texts(x) if type(x) is not str else [x], plain_texts(y) if type(y) is not str else [y]
    if xs is None:
        return any(overlaps(as_sequence(option) + a[1:], b, last) for option in x.options)
    if ys is None:
        return any(overlaps(a, as_sequence(option) + b[1:], last) for option in y.options)
    by_start: dict[str, set[str]] = {}
    for text in ys:
        by_start.setdefault(text[:1], set()).add(text)
    rests = {
        (s[min(len(s), len(t)) :], t[min(len(s), len(t)) :], s[min(len(s), len(t)) - 1])
        for s in set(xs)
        for t in by_start.get(s[:1], ())
        if s.startswith(t) or t.startswith(s)
    }
    return any(overlaps((s, *a[1:]), (t, *b[1:]), end) for s, t, end in rests)


def first_characters(sequence):
    for op in sequence:
        if type(op) is str and op:
            return {op[0]}
        if type(op) is Ref:
            return {text[0] for text in op.forms}
        if type(op) is Choice:
            return set().union(*(first_characters(as_sequence(option)) for option in op.options))
    return set()


def clashes(root):
    found = []
    for choice in choices(root):
        words = set(choice.texts)
        if len(words) + len(choice.parts) < len(choice.options):
            found.append(("an alternative twice", choice.options))
        for word in words:
            for cut in range(1, len(word)):
                if not (word[cut - 1].isalpha() and word[cut].isalpha()) and word[:cut] in words:
                    found.append((word[:cut], word))
        sequences = [option for option, _ in choice.parts]
        pairs = list(itertools.combinations(sequences, 2))
        if words and sequences:
            pairs += [((Choice([(w,) for w in words], [1] * len(words)),), s) for s in sequences]
        found += [pair for pair in pairs if overlaps(*pair)]
    return found


def test_no_two_alternatives_of_any_choice_can_match_the_same_text():
    root = grammar().root
    assert len(choices(root)) > 300
    assert clashes(root) == []


def test_the_ambiguity_check_finds_what_it_should():
    words = {"w": Category([{"": "ice"}, {"": "ice cream"}])}
    people = {"w": Category([{"": "Ann"}, {"": "Bo"}])}
    for rule in ("x <w> y", "a (b c|b) d", "(a|a) b", "It was (big|big and old).", "a [b ](b c|c)"):
        assert clashes(Grammar({"t": rule}, {}, words, "t").root), rule
    assert clashes(Grammar({"t": "= v\n\n{v} ran.\nAnn ran."}, {"v": "w"}, people, "t").root)
    assert not clashes(Grammar({"t": "= v\n\n{v} ran.\nAnn walked."}, {"v": "w"}, people, "t").root)


def test_every_word_slot_is_followed_by_the_end_of_the_word():
    bad = []
    for choice in [Choice([grammar().root], [SCALE]), *choices(grammar().root)]:
        for sequence in map(as_sequence, choice.options):
            for op, after in pairwise(sequence):
                if type(op) in (Choice, Ref) and any(c.isalpha() for c in first_characters((after,))):
                    bad.append((op, after))
    assert bad == []


def test_every_drawn_slot_is_named_before_the_end_and_drawn_once():
    memo = {}

    def walk(sequence, states):
        for op in sequence:
            if type(op) is Draw:
                assert not any(op.var in drawn for drawn, _ in states), f"{op.var} is drawn twice"
                states = {(drawn | {op.var}, told) for drawn, told in states}
            elif type(op) is Ref:
                assert all(op.var in drawn for drawn, _ in states), f"{op} is mentioned before it is drawn"
                if all(len(entries) == 1 for entries in op.where.values()):
                    states = {(drawn, told | {op.var}) for drawn, told in states}
            elif type(op) is Choice and op.parts:
                key = id(op), frozenset(states)
                if key not in memo:
                    memo[key] = set().union(*(walk(as_sequence(option), states) for option in op.options))
                states = memo[key]
        return states

    for drawn, told in walk(grammar().root, {(frozenset(), frozenset())}):
        assert drawn == told


def test_log_prob_is_the_log_probability_accumulated_while_writing(texts):
    for index, text in enumerate(texts):
        written, log_p = grammar().trace(random_numbers(3, index))
        assert written == text
        assert math.isclose(fables.log_prob(text), log_p, rel_tol=1e-12), (index, text)   # one term is over 1e-7 of it


def enumerate_texts(grammar):
    """{text: sum of the probabilities of its derivations}, by walking every path with its own arithmetic."""
    total: dict[str, float] = {}
    count: dict[str, int] = {}

    def walk(ops, text, memory, p):
        if not ops:
            total[text] = total.get(text, 0.0) + p
            count[text] = count.get(text, 0) + 1
            return
        op, rest = ops[0], ops[1:]
        if type(op) is str:
            walk(rest, text + op, memory, p)
        elif type(op) is Ref:
            walk(rest, text + op.forms[memory[op.var]], memory, p)
        elif type(op) is Choice:
            for option, n in zip(op.options, op.counts):
                walk(as_sequence(option) + rest, text, memory, p * n / SCALE)
        else:
            reached: dict[int, int] = {}
            for number in op.table:             # every random number, clash or not
                index = number
                while index in memory.values():
                    index = (index + 1) % len(op.category)
                reached[index] = reached.get(index, 0) + 1
            for index, n in reached.items():
                walk(rest, text, {**memory, op.var: index}, p * n / SCALE)

    walk(grammar.root, "", {}, 1.0)
    return total, count


def test_on_a_small_grammar_the_probabilities_of_all_texts_sum_to_one(mini):
    assert clashes(mini.root) == []
    total, count = enumerate_texts(mini)
    assert len(total) > 500 and set(count.values()) == {1}
    for text, p in total.items():
        assert math.isclose(mini.log_prob(text), math.log(p), rel_tol=1e-12, abs_tol=1e-12)
    assert math.isclose(math.fsum(math.exp(mini.log_prob(text)) for text in total), 1.0, rel_tol=1e-12)


def entropy(op, known):
    """Nats of a sequence by the chain rule: a choice adds its own entropy and its alternatives' mean."""
    if type(op) is Choice:
        if id(op) not in known:
            known[id(op)] = sum(
                n / SCALE * (entropy(as_sequence(option), known) - math.log(n / SCALE))
                for option, n in zip(op.options, op.counts)
            )
        return known[id(op)]
    if type(op) is Draw:
        return -sum(n / SCALE * math.log(n / SCALE) for n in op.counts)
    return sum(entropy(part, known) for part in op) if type(op) is tuple else 0.0


def test_mean_of_minus_log_prob_is_the_entropy_of_the_grammar(texts):
    losses = [-fables.log_prob(text) for text in texts]
    mean = sum(losses) / len(losses)
    sd = math.sqrt(sum((x - mean) ** 2 for x in losses) / len(losses))
    # Draws that must differ make the true entropy lower than the sum over free draws, by less than 0.3 nats.
    expected = entropy(grammar().root, {})
    assert abs(mean - expected) < 4 * sd / math.sqrt(len(losses)) + 0.3
    chars = sum(map(len, texts))
    assert math.isclose(fables.bits_per_char(texts), sum(losses) / math.log(2) / chars, rel_tol=1e-12)


def slots(text):
    """{slot: its plain form} of a story."""
    root = grammar().root
    parse = Parse(text)
    assert parse.match(root, 0) == len(text)
    return {draw.var: draw.category.entries[parse.bound[draw.var]][""] for draw in parse.drawn}


def test_changing_a_late_name_or_pronoun_or_thing_is_noticed(texts):
    pronouns = 0
    for text in texts[:200]:
        told = slots(text)
        for value in {told[var] for var in ("hero", "friend", "toy", "town", "hue") if var in told}:
            at = [m.start() for m in re.finditer(rf"\b{value}\b", text)][-1]
            if at > text.index(value):          # not the mention that tells
                other = "Quincy" if value[0].isupper() else "zeppelin"
                with pytest.raises(ValueError, match="cannot write"):
                    fables.log_prob(text[:at] + other + text[at + len(value) :])
        he = " she " if " she " in text[:400] else " he "
        at = text.rfind(he)
        if at > 600 and {" he ", " she "} - {he} and not (" he " in text and " she " in text):
            with pytest.raises(ValueError, match="cannot write"):
                fables.log_prob(text[:at] + (" he " if he == " she " else " she ") + text[at + len(he) :])
            pronouns += 1
    assert pronouns > 20


def test_two_slots_never_share_a_name(texts):
    for text in texts[:300]:
        people = [value for var, value in slots(text).items() if grammar().slots[var] == "name"]
        assert len(set(people)) == len(people) > 0
    name = slots(texts[0])["hero"]
    other = next(value for var, value in slots(texts[0]).items() if var.startswith("n"))
    with pytest.raises(ValueError, match="two slots"):
        fables.log_prob(texts[0].replace(other, name))


def test_late_sentences_depend_on_early_ones(texts):
    """The last third of a story mentions the hero and, mostly, something else that its first half told."""
    heroes, others = 0, 0
    for text in texts[:400]:
        told, start, end = slots(text), text[: len(text) // 2], text[-len(text) * 3 // 10 :]
        heroes += told["hero"] in end
        others += any(v in start and v in end for var, v in told.items() if var not in ("hero", "kin"))
    assert heroes > 340 and others > 200
