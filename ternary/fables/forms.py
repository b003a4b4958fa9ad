"""Inflection of English words: articles, plurals, past tenses, gerunds, pronouns, capitals."""

from ternary.fables.tables import doubled_verbs, irregular_verbs

PRONOUNS = {
    "she": {"he": "she", "him": "her", "his": "her", "himself": "herself", "girl": "girl"},
    "he": {"he": "he", "him": "him", "his": "his", "himself": "himself", "girl": "boy"},
}
CONSONANT_SOUND = ("uni", "use", "uku", "one-", "eu")
SILENT_H = ("hour", "honest")
REGULAR_F = ("ff", "ffe", "chef", "reef", "roof", "chief")
SIBILANTS = ("s", "x", "z", "ch", "sh")


def with_article(text: str) -> str:
    """ "kite" -> "a kite", "old kite" -> "an old kite"."""
    low = text.lower()
    vowel = low.startswith(SILENT_H) or (low[0] in "aeiou" and not low.startswith(CONSONANT_SOUND))
    return ("an " if vowel else "a ") + text


def plural(noun: str) -> str:
    """ "fox" -> "foxes", "berry" -> "berries"."""
    if noun.endswith(SIBILANTS):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    if noun.endswith(("f", "fe")) and not noun.endswith(REGULAR_F):
        return noun.rstrip("fe") + "ves"
    return noun + "s"


def past(phrase: str) -> str:
    """ "fly kites" -> "flew kites"."""
    verb, _, rest = phrase.partition(" ")
    if verb in irregular_verbs():
        verb = irregular_verbs()[verb][0]
    elif verb in doubled_verbs():
        verb += verb[-1] + "ed"
    elif verb.endswith("e"):
        verb += "d"
    elif verb.endswith("y") and verb[-2] not in "aeiou":
        verb = verb[:-1] + "ied"
    else:
        verb += "ed"
    return f"{verb} {rest}".rstrip()


def gerund(phrase: str) -> str:
    """ "fly kites" -> "flying kites"."""
    verb, _, rest = phrase.partition(" ")
    if verb in irregular_verbs():
        verb = irregular_verbs()[verb][1]
    elif verb in doubled_verbs():
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
        self.entries = entries                  # form -> text: "" for the word itself, and all irregular forms

    def __len__(self) -> int:
        return len(self.entries)

    def texts(self, form: str) -> list[str]:
        """Every entry in `form`; a leading "^" capitalises."""
        if form.startswith("^"):
            return [text[0].upper() + text[1:] for text in self.texts(form[1:])]
        return [e[form] if form in e else FORMS[form](e[""]) for e in self.entries]
