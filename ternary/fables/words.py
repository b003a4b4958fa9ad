"""The categories of words that the grammar draws from."""

from functools import lru_cache

from ternary.fables.forms import PRONOUNS, Category
from ternary.fables.tables import lists

FILES = ("names", "nouns", "verbs", "adjectives", "adverbs", "phrases")
TITLES = {"she": "Mrs.", "he": "Mr."}


def _entry(item: str) -> dict[str, str]:
    """`mouse/mice` has an irregular plural, `mother:she` has pronouns."""
    item, _, pronoun = item.partition(":")
    word, _, many = item.partition("/")
    return {"": word, **({"s": many} if many else {}), **(PRONOUNS[pronoun] if pronoun else {})}


@lru_cache(maxsize=1)
def categories() -> dict[str, Category]:
    """Every category by name."""
    listed = lists(*FILES)
    girls, boys, surnames = (listed.pop(name) for name in ("girl", "boy", "surname"))
    made = {name: Category([_entry(item) for item in items]) for name, items in listed.items()}
    made["name"] = Category(_alternating([_entry(f"{name}:she") for name in girls],
                                         [_entry(f"{name}:he") for name in boys]))
    made["elder"] = Category([{"": f"{TITLES[pronoun]} {name}", **PRONOUNS[pronoun]}
                              for i, name in enumerate(surnames) for pronoun in [("she", "he")[i % 2]]])
    return made


def _alternating(girls: list[dict[str, str]], boys: list[dict[str, str]]) -> list[dict[str, str]]:
    """One of each in turn, so that both are equally frequent; then the rest of the longer list."""
    shared = min(len(girls), len(boys))
    return [person for pair in zip(girls, boys) for person in pair] + girls[shared:] + boys[shared:]
