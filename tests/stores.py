"""A corpus of three stories, and a tokenizer for it."""
import hashlib
from pathlib import Path

from ternary.text.corpus import Corpus
from ternary.text.tokenizer import Tokenizer

TOKENIZER = Tokenizer([" the", "a"], 300)
STORIES = ["a cat", "the dog\nand the snail 🐌", "é"]
n = 33  # tokens of STORIES


def corpus(stories: list[str], fail_at: int | None = None, error: BaseException | None = None) -> Corpus:
    def read():
        for i, story in enumerate(stories):
            if i == fail_at:
                raise error
            yield story

    return Corpus("some stories", hashlib.sha256("\0".join(stories).encode()).hexdigest(), read)


def there(folder: Path) -> list[Path]:
    """What is in a cache besides its locks."""
    return sorted(p for p in folder.iterdir() if p.name != "locks")
