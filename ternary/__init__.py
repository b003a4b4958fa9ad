"""Train and run small language models on ordinary CPU cores, in NumPy and Numba.

    run = ternary.train(data="fables", model="bolt-small", hours=0.04, save_dir="runs/a")
    lm = ternary.load("runs/a")
    print(lm.generate("Once upon a time"))

Nothing is imported before it is used: `import ternary` is fast and changes no setting of NumPy, Numba or the process.
"""
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ternary.api import LanguageModel, Run, audit, load, train
    from ternary.text.tokenizer import Tokenizer

__version__ = "0.1.0"
__all__ = ["LanguageModel", "Run", "Tokenizer", "audit", "load", "train"]

_PLACES = {"LanguageModel": "ternary.api", "Run": "ternary.api", "audit": "ternary.api", "load": "ternary.api",
           "train": "ternary.api", "Tokenizer": "ternary.text.tokenizer"}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'ternary' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
