"""The embedded corpus: stories that never change, and what the package is made of."""

import ast
import hashlib
import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ternary import fables
from ternary.errors import UsageError
from ternary.fables import tables
from ternary.fables.forms import gerund, past, plural, with_article
from ternary.fables.grammar import Grammar
from ternary.fables.tables import lists, rules, sections
from ternary.fables.words import FILES, categories

PACKAGE = Path(fables.__file__).parent
GOLDEN = {  # sha256 by version: 2,000 training stories, 500 validation stories, 250 of others
    1: (
        "f4d6d3aede27f550dbcf2a98ec28145a90f4df89267be66ccc80328bed914b9d",
        "1fec2897ce604074a81381ca9b3fbd04b078d165386e162912b0d3767e36f455",
        "1dc038dfe866a956b72d7aadf2c0a3a45f89bad2258935c0f3f661fdfa304c70",
    )
}
WORD = re.compile(r"[a-z]+(?:['-][a-z]+)*")


@pytest.fixture(scope="module")
def texts():
    return list(fables.stories(seed=3, start=0, stop=3000))


# ---- the corpus


def sha256(texts):
    return hashlib.sha256("\n\n".join(texts).encode()).hexdigest()


def test_the_stories_of_a_version_never_change():
    (train, _), (validation, size) = fables.SPLITS["train"], fables.SPLITS["validation"]
    held_out = list(fables.stories(validation, 0, size))
    others = itertools.chain(fables.stories(0, 0, 200), fables.stories(1, 10**9, 10**9 + 50))
    assert (sha256(fables.stories(train, 0, 2000)), sha256(held_out), sha256(others)) == GOLDEN[fables.VERSION]
    assert fables.bits_per_char(held_out[:50]) == pytest.approx(0.3553282090235601, rel=1e-12)


def test_a_story_depends_on_seed_and_index_alone():
    assert [fables.story(i, seed=5) for i in (7, 3, 4)] == [
        list(fables.stories(5, 0, 8))[7],
        *fables.stories(5, 3, 5),
    ]
    assert fables.story(3, seed=5) != fables.story(3, seed=6)
    assert len(set(fables.stories(5, 0, 500))) == 500
    assert list(itertools.islice(fables.stories(9, 20), 2)) == [fables.story(20, 9), fables.story(21, 9)]
    assert list(fables.stories(0, 5, 5)) == []


def test_unusable_arguments():
    with pytest.raises(UsageError):
        fables.story(-1)
    with pytest.raises(UsageError):
        fables.bits_per_char([])


def test_stories_are_stories(texts):
    for text in texts:
        assert 60 <= len(text.split()) <= 300
        assert "\n\n" not in text and "  " not in text and text == text.strip() and text.isascii()
        assert text[0].isupper() and text[-1] in '.!?"'
        assert text.count('"') % 2 == 0
        assert not re.search(r"[{}<>\[\]()|¶]| [.,!?]|[,.!?]{2}|[.!?] [a-z]", text), text
        assert not re.search(r"\b[Aa] (?!one-|eucalyptus)[aeio]", text), text
        assert not re.search(r"\b[Aa]n (?!hour|honest)[^aeiou]", text), text
        assert not re.search(r"\b(\w+) \1\b", text.lower()), text


def test_vocabulary_is_wide_and_entropy_moderate(texts):
    assert len(set(WORD.findall(" ".join(texts).lower()))) >= 5000
    assert 0.3 < fables.bits_per_char(texts) < 0.9


def test_inflection():
    assert [with_article(w) for w in ("owl", "hourglass", "unicorn", "useless hat", "umbrella", "yo-yo")] == [
        "an owl", "an hourglass", "a unicorn", "a useless hat", "an umbrella", "a yo-yo",
    ]  # fmt: skip
    assert [plural(w) for w in ("fox", "berry", "key", "scarf", "bread knife", "chef", "giraffe")] == [
        "foxes", "berries", "keys", "scarves", "bread knives", "chefs", "giraffes",
    ]  # fmt: skip
    assert [past(w) for w in ("hop", "carry", "fly kites", "bake", "zigzag home", "tiptoe")] == [
        "hopped", "carried", "flew kites", "baked", "zigzagged home", "tiptoed",
    ]  # fmt: skip
    assert [gerund(w) for w in ("run", "tiptoe", "bake bread", "ski", "swim in the sea")] == [
        "running", "tiptoeing", "baking bread", "skiing", "swimming in the sea",
    ]  # fmt: skip


# ---- the package


def test_every_rule_slot_and_category_is_used():
    markup = "\n".join(rules().values())
    expanded = {name for ref in re.findall(r"<(.+?)>", markup) for name in (ref, ref.split(".")[0])}
    drawn = {var for block in re.findall(r"^= (.+)$", markup, re.MULTILINE) for var in block.split()}
    drawn |= set(re.findall(r"{=(\w+)}", markup))
    assert set(rules()) - expanded == {"tale"}
    assert set(tables.slots()) == drawn
    assert set(categories()) <= expanded | set(tables.slots().values())
    assert set(tables.slots().values()) <= set(categories())
    assert not set(rules()) & set(categories())


def test_the_data_files_are_lists_without_repeats():
    for name, items in lists(*FILES).items():
        assert items and all(items) and len(set(items)) == len(items), name
    everything = {path.stem for path in (PACKAGE / "data").iterdir()}
    assert everything == {*FILES, "story", "friends", "lessons", "slots", "verb_forms"}


def test_a_section_must_not_occur_twice():
    with pytest.raises(ValueError, match="nouns.txt: section toy is there twice"):
        sections("nouns", "nouns")


def test_a_recursive_rule_is_an_error():
    with pytest.raises(ValueError, match="rule t is recursive"):
        Grammar({"t": "a <u>", "u": "b <t>"}, {}, {}, "t")


def test_irregular_verbs_are_those_that_no_rule_covers(monkeypatch):
    verbs = lists("verb_forms")["irregular"]
    monkeypatch.setattr("ternary.fables.forms.irregular_verbs", dict)
    assert [v for v in verbs if (past(v.split()[0]), gerund(v.split()[0])) == tuple(v.split()[1:])] == []


def test_the_package_imports_nothing_of_ternary_but_errors_and_rng():
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            ours = [name for name in names if name.startswith("ternary")]
            assert all(re.fullmatch(r"ternary\.(errors|rng|fables(\..*)?)", name) for name in ours), path


def test_importing_the_package_reads_no_data_and_no_big_library():
    code = (
        "import sys; from ternary import fables; from ternary.fables import corpus, tables;"
        "print(corpus.grammar.cache_info().currsize, 'numpy' in sys.modules, 'numba' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["0", "False", "False"]


def test_a_text_outside_the_grammar_has_no_probability(texts):
    text = texts[0]
    changed = text.replace(" ", "  ", 1), text.replace("\n", " "), text.lower(), text.replace("a", "an", 1)
    for wrong in ("", "Hello.", text + " ", text + "\n", text[:-1], text + text, *changed):
        with pytest.raises(ValueError, match="cannot write"):
            fables.log_prob(wrong)
