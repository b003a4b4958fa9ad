"""The Python API: train a model, load one, and use it."""
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ternary.machine.threads import kernel_threads, set_threads, use_threads

if TYPE_CHECKING:
    from ternary.models.lm import LM
    from ternary.text.tokenizer import Tokenizer
    from ternary.training.audit import Report
    from ternary.training.callbacks import Callback


@dataclass(frozen=True)
class Run:
    """A finished training run. result: what `ternary train --json` prints, such as result["val_bpc"]."""
    folder: Path
    result: dict[str, Any]

    def load(self) -> "LanguageModel":
        """The best model of the run."""
        return load(self.folder)


def train(data: str | None = None, model: str | type | None = None, *, resume: str | Path | None = None,
          callbacks: Sequence["Callback"] = (), **options: Any) -> Run:
    """Train a model, and print progress on stderr.

    data, model and options are those of `ternary train`, by the names of TrainConfig: hours=, tokens=, steps=,
    optimizer=, batch_size=, seq_len=, lr=, vocab_size=, threads=, save_dir=, recipe= ..., set={"dim": 64} for the
    model's own fields. data: by default tinystories. model: a name, "file.py:Name", or a class derived from
    ternary.models.LM. resume: a run folder to continue, with options that a resumed run may change. callbacks: see
    ternary.training.callbacks. UsageError for an unknown or impossible option.
    """
    set_threads()
    from ternary.config import TrainConfig, flag_of, from_options
    from ternary.errors import UsageError
    from ternary.training.loop import train
    from ternary.training.plan import continued
    named = {"data": data, "model": spec_of(model)}
    options = from_options({**{name: value for name, value in named.items() if value is not None}, **options})
    unknown = set(options) - set(TrainConfig.__dataclass_fields__)
    if unknown:
        known = list(TrainConfig.__dataclass_fields__)
        by_flag = {flag_of(name).lstrip("-"): name for name in known}         # batch: batch_size
        near = by_flag.get(min(unknown)) or next(iter(get_close_matches(min(unknown), known)), None)
        hint = f"did you mean {near}? " if near else ""
        raise UsageError(f"train() has no option {min(unknown)!r}; {hint}it has {', '.join(known)}")
    config, checkpoint = ((TrainConfig(**{"model": None, **options}), None) if resume is None else
                          continued(resume, options))
    with kernel_threads(sys.maxsize):             # as many after it as before
        return Run(Path(config.save_dir), train(config, checkpoint, callbacks or ()))


def spec_of(model: str | type | None) -> str | None:
    """How `--model` names a class: "module:Name"."""
    return f"{model.__module__}:{model.__qualname__}" if isinstance(model, type) else model


def load(path: str | Path, threads: int | None = None, model: str | type | None = None,
         approximate: bool = False) -> "LanguageModel":
    """The trained model in a run folder (its best step) or in a step folder. ModelFileError if it is damaged.

    threads: of the calling thread, from now on. model: needed if the model is code outside of ternary, which no file
    may choose to run: its class, or what `--model` was in training. approximate: generation reads float weights in
    5 bits instead of 16 (8 on some CPUs): faster, but tokens are those of slightly other weights.
    """
    set_threads()
    if threads:
        use_threads(threads)
    from ternary.checkpoint.load import restore
    restored = restore(path, model=spec_of(model), stories=True)
    trained = restored.stories["train"] if restored.stories else None
    return LanguageModel(restored.model, restored.tokenizer, restored.path, trained, approximate)


def audit(model: "LM | LanguageModel | type | str", threads: int | None = None) -> "Report":
    """Check the contract of a model: an LM or its class, a loaded model, or a name, also "file.py:Name".

    print(report) shows what was checked, report.passed whether all is well, report.detail what is wrong and where.
    """
    set_threads()
    from ternary.models import MODELS
    from ternary.training.audit import audit
    with kernel_threads(threads or sys.maxsize):
        if isinstance(model, str):
            return audit(MODELS.get(model)(seed=1), model)
        if isinstance(model, type):
            return audit(model(seed=1))
        return audit(model.model if isinstance(model, LanguageModel) else model)


@dataclass
class TextState:
    """What a model knows of a text so far; copy.deepcopy makes an independent copy. logits (V,): of the next token."""
    model_state: list
    logits: np.ndarray | None = field(default=None, repr=False)


class LanguageModel:
    """A model, its tokenizer, and what one does with them. Several may be used in one process, each in its thread."""

    def __init__(self, model: "LM", tokenizer: "Tokenizer", path: Path | None = None,
                 trained: np.ndarray | None = None, approximate: bool = False):
        from ternary.inference.generation import Engine
        self.model, self.tokenizer, self.path, self._trained = model, tokenizer, path, trained
        self._engine = Engine(model, tokenizer, approximate=approximate)

    def __repr__(self) -> str:
        return f"<LanguageModel {type(self.model).__name__}, {self.model.parameter_count:,} parameters, {self.path}>"

    @property
    def config(self) -> Any:
        """The model's config, a frozen dataclass."""
        return self.model.config

    def generate(self, prompt: str = "", max_tokens: int = 256, seed: int = 0, stop: Iterable[str] = (),
                 decoder: str | None = None, set: dict[str, Any] | None = None, **sampling: Any) -> str:
        """The continuation of `prompt`, to the end of the story, max_tokens or before one of the texts in `stop`.

        sampling: temperature=0.8 (0 is greedy), top_k=50, top_p=1, min_p=0, repetition_penalty=1, frequency_penalty=0,
        presence_penalty=0, no_repeat_ngram=0. decoder: "search", "ngram" ... (`ternary generate --help`); set: of its
        config.
        """
        return "".join(self.stream(prompt, max_tokens, seed, stop, decoder, set, **sampling))

    def generate_many(self, prompts: list[str], max_tokens: int = 256, seed: int = 0, stop: Iterable[str] = (),
                      **sampling: Any) -> list[str]:
        """[generate(prompt, max_tokens, seed + k, stop, **sampling) for the k-th prompt], several times sooner: all
        texts grow together, on all threads."""
        import numba

        from ternary.inference.generation import Sampling
        return self._engine.generate_many(prompts, max_tokens, Sampling(**sampling), seed, stop,
                                          numba.get_num_threads())

    def stream(self, prompt: str = "", max_tokens: int = 256, seed: int = 0, stop: Iterable[str] = (),
               decoder: str | None = None, set: dict[str, Any] | None = None, **sampling: Any) -> Iterator[str]:
        """`generate`, piece by piece."""
        from ternary.inference.generation import Engine, Sampling
        engine = Engine(self.model, self.tokenizer, decoder, **set or {}) if decoder else self._engine
        return engine.stream(prompt, max_tokens, Sampling(**sampling), seed, stop=stop)

    def logits(self, text: str) -> np.ndarray:
        """text -> (T, V) float32: after the start of a story, and after each of the text's T - 1 tokens"""
        from ternary import ops
        with self._engine.tape:
            return ops.as_array(self.model(self._tokens(text, start=True)))[0]

    def evaluate(self, stories: Iterable[str], limit: int | None = None) -> dict[str, Any]:
        """Score whole stories by the honest protocol -> {"bpc", "nats_per_token", "perplexity", "seen", ...}

        seen: how many of the stories the model was trained on; None if its checkpoint does not know.
        """
        from ternary.errors import UsageError
        from ternary.evaluation.protocol import evaluate
        from ternary.text.seen import seen
        if isinstance(stories, str):
            raise UsageError(f"stories is a text, {stories[:20]!r}; wanted a list of texts")
        texts = list(islice(stories, limit))
        known = None if self._trained is None else int(seen(texts, self.tokenizer, self._trained).sum())
        return {**evaluate(self.model, self.tokenizer, texts, None), "seen": known}

    def init_state(self) -> TextState:
        """The state of a text of which nothing has been read."""
        return TextState(self.model.init_state())

    def feed(self, state: TextState, text: str) -> np.ndarray:
        """Read more text into `state` -> logits (V,) of the token that follows it"""
        from ternary.inference.decoders.base import read
        tokens = self._tokens(text, start=state.logits is None)
        if tokens.size:
            state.logits = read(self.model, self._engine.tape, tokens, state.model_state)[0]
        assert state.logits is not None           # as the first text starts with a token
        return state.logits

    def _tokens(self, text: str, start: bool) -> np.ndarray:
        """(1, T); a story starts with EOS, as in training"""
        return np.array([([self.tokenizer.EOS] if start else []) + list(self.tokenizer.encode(text))], np.int32)
