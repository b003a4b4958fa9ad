"""Inflected forms of the words of the fables: articles, plurals, past tenses, pronouns, capitals."""

from functools import lru_cache

from ternary.data import fables_words as words

PRONOUNS = {
    "she": {"he": "she", "him": "her", "his": "her", "himself": "herself", "girl": "girl"},
    "he": {"he": "he", "him": "him", "his": "his", "himself": "himself", "girl": "boy"},
}
CONSONANT_SOUND = ("uni", "use", "uku", "one-", "eu")
SILENT_H = ("hour", "honest")
REGULAR_F = ("ff", "ffe", "chef", "reef", "roof", "chief")
SIBILANTS = ("s", "x", "z", "ch", "sh")
IRREGULAR = {base: (past, ing) for base, past, ing in (row.split() for row in words.IRREGULAR.split(","))}
DOUBLED = frozenset(words.DOUBLED.split())


def with_article(text: str) -> str:
    """ "kite" -> "a kite", "old kite" -> "an old kite"."""
    low = text.lower()
    vowel = low.startswith(SILENT_H) or (low[0] in "aeiou" and not low.startswith(CONSONANT_SOUND))
    return ("an " if vowel else "a ") + text


def plural(noun: str) -> str:
    if noun.endswith(SIBILANTS):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    if noun.endswith(("f", "fe")) and not noun.endswith(REGULAR_F):
        return noun.rstrip("fe") + "ves"
    return noun + "s"


def past(phrase: str) -> str:
    verb, _, rest = phrase.partition(" ")
    if verb in IRREGULAR:
        verb = IRREGULAR[verb][0]
    elif verb in DOUBLED:
        verb += verb[-1] + "ed"
    elif verb.endswith("e"):
        verb += "d"
    elif verb.endswith("y") and verb[-2] not in "aeiou":
        verb = verb[:-1] + "ied"
    else:
        verb += "ed"
    return f"{verb} {rest}".rstrip()


def gerund(phrase: str) -> str:
    verb, _, rest = phrase.partition(" ")
    if verb in IRREGULAR:
        verb = IRREGULAR[verb][1]
    elif verb in DOUBLED:
        verb += verb[-1] + "ing"
    elif verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        verb = verb[:-1] + "ing"
    else:
        verb += "ing"
    return f"{verb} {rest}".rstrip()


FORMS = {"": str, "a": with_article, "s": plural, "ed": past, "ing": gerund}


class Category:
    """An ordered list of entries; `texts(form)` gives every entry in one form, in the same order."""

    def __init__(self, entries: list[dict[str, str]]):
        self.entries = entries                  # each has "" and the forms that no rule can make

    def __len__(self) -> int:
        return len(self.entries)

    def texts(self, form: str) -> list[str]:
        """Every entry in `form`; a leading "^" capitalises."""
        if form.startswith("^"):
            return [text[0].upper() + text[1:] for text in self.texts(form[1:])]
        return [e[form] if form in e else FORMS[form](e[""]) for e in self.entries]


def _entry(item: str) -> dict[str, str]:
    word, _, many = item.replace("_", " ").partition("/")
    return {"": word, "s": many} if many else {"": word}


@lru_cache(maxsize=1)
def categories() -> dict[str, Category]:
    """Every category by name. Girls and boys alternate, so that both are as common."""
    kinds = (words.NOUNS, words.VERBS, words.ADJECTIVES, words.ADVERBS, words.PLAIN, {"hobby": words.HOBBIES})
    listed = {name: text for kind in kinds for name, text in kind.items()}
    made = {name: Category([_entry(item) for item in text.split()]) for name, text in listed.items()}
    girls, boys = (
        [{"": name, **PRONOUNS[sex]} for name in words.NAMES[sex].split()] for sex in ("she", "he")
    )
    shared = min(len(girls), len(boys))
    alternating = [person for pair in zip(girls, boys) for person in pair]
    made["name"] = Category(alternating + girls[shared:] + boys[shared:])
    kin = (item.split(":") for item in words.KIN.split())
    made["kin"] = Category([{"": name, **PRONOUNS[sex]} for name, sex in kin])
    made["elder"] = Category(
        [
            {"": f"{('Mrs.', 'Mr.')[i % 2]} {name}", **PRONOUNS[("she", "he")[i % 2]]}
            for i, name in enumerate(words.SURNAMES.split())
        ]
    )
    return made
