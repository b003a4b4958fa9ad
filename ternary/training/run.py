"""The state of a run: what is trained, on what, and how far it is."""
import math
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numba
import numpy as np

from ternary.checkpoint import format as checkpoint
from ternary.checkpoint.folder import point, prune
from ternary.checkpoint.load import Restored, restore
from ternary.compiler.isa import ISA
from ternary.config import TrainConfig
from ternary.errors import NumericError, ResourceError
from ternary.machine.hardware import usable_cores
from ternary.machine.heartbeat import heartbeat
from ternary.machine.ranks import ALONE, World
from ternary.machine.workers import Workers
from ternary.models import MODELS, to_json
from ternary.objectives import trained_parameters
from ternary.text.corpus import joined
from ternary.text.prepare import cached_tokenizer, prepare
from ternary.text.seen import hashes_of, unseen
from ternary.training.average import WeightAverage
from ternary.training.callbacks.base import Callback, states
from ternary.training.exchange import new_exchange
from ternary.training.logbook import Logbook
from ternary.training.memory import check_memory
from ternary.training.plan import (
    budget,
    corpora,
    new_course,
    new_model,
    new_objectives,
    new_optimizer,
    optimizer_file_shapes,
    schedule_of,
)
from ternary.training.precompile import start_compiling
from ternary.training.selftest import check_kernels
from ternary.training.sources import open_again, places
from ternary.training.step import Trainer


class Run:
    """Made for a resolved config; resume: the checkpoint to continue from.

    step: optimizer steps made; saved: those of the last checkpoint; share: of the budget that is used, 0 to 1; begun:
    the share before the first step; loss: of the last line in the log; evaluated, val_loss, val_bpc: of the last
    evaluation. Each rank of `world` has a Run; what it tells and writes is that of rank 0.
    """

    def __init__(self, config: TrainConfig, resume: Path | None = None, callbacks: list[Callback] | None = None,
                 world: World = ALONE):
        self.world, self.interrupted = world, False
        self.began, self.log, self.config, self.folder = time.monotonic(), Logbook(), config, Path(config.save_dir)
        self.callbacks = callbacks or []
        numba.set_num_threads(config.threads)
        restored = self.checkpoint(resume) if resume else None
        self.model = restored.model if restored else new_model(config)
        with world.first_here():
            wait_for_kernels = start_compiling(self.model, config)
            self.memory = check_memory(self.model, config)
            self.objectives = new_objectives(config, self.model)
            parameters = trained_parameters(self.model, self.objectives)
            optimizer = new_optimizer(config, parameters)     # copies weights; the text then uses their old memory
            with heartbeat("preparing the text"):
                self.open_data(restored)
            wait_for_kernels()
        world.check_same({"text": self.source_hash, "validation text": self.val_hash, "tokenizer": self.tokenizer.hash})
        check_kernels(self.model, config)
        self.average = WeightAverage(optimizer, config.ema) if config.ema else None
        self.workers = Workers(config.workers, config.threads // config.workers)
        exchange = new_exchange(world, optimizer, parameters, config.gradient_bits, config.local_steps)
        self.trainer = Trainer(self.model, optimizer, config.precision, config.seed, tuple(self.objectives),
                               self.workers, exchange)
        self.schedule, self.lr_scale = schedule_of(config), 1.0
        self.budget = budget(config, self.course.steps_per_epoch)
        self.eval_every = config.eval_every or min(1000, max(50, (self.budget.steps or 10000) // 20))
        self.step, self.saved, self.met, self.seconds_before, self.begun = 0, 0, 0, 0.0, 0.0
        self.unsound: NumericError | None = None      # since the ranks met
        self.fastest_step = math.inf
        self.eval_seconds: float | None = None
        self.loss: float | None = None
        self.evaluated: int | None = None
        self.val_loss: float | None = None
        self.val_bpc: float | None = None
        self.stopped: str | None = None
        self.save_error: ResourceError | None = None
        self.before: dict[str, Any] = {}
        if restored:
            before = restored.state["settings"]
            self.before = {"threads of a worker": (before.get("threads") or 1) // before.get("workers", 1),
                           "ranks": restored.state.get("ranks", 1),
                           "CPU path": restored.state.get("cpu_path", ISA)}
            self.seconds_before = restored.state["seconds"]
            self.load(restored.state, restored.optimizer)
        self.share = self.progress()

    def open_data(self, restored: Restored | None) -> None:
        how = {"processes": usable_cores()[0], "tell": self.log.message}
        if restored:
            self.config, train, val = open_again(self.config, restored.state, self.folder)
        else:
            train, val = corpora(self.config)
        c, self.places, self.val_hash = self.config, places(self.config, self.folder), val.fingerprint
        self.source_hash = joined(train).fingerprint
        rule = MODELS.get(c.model).tokenizer_rule
        self.tokenizer = (restored.tokenizer if restored else
                          cached_tokenizer(joined(train), c.vocab_size, **how).with_rule(rule))
        stores = [prepare(text, self.tokenizer, **how) for text in train]
        self.stories = {"train": np.unique(np.concatenate([store.story_hashes for store in stores]))}
        self.val_stories, self.val_seen = unseen(val.stories(), self.tokenizer, self.stories["train"], c.eval_stories)
        self.scored_seen = 0                          # of the stories that evaluations score, those trained on
        if not self.val_stories:                      # the same text twice: its score is one of training
            self.val_stories = list(islice(val.stories(), c.eval_stories))
            self.scored_seen = len(self.val_stories)
        self.stories["val"] = np.unique(hashes_of(self.val_stories, self.tokenizer))
        self.course = new_course(c, [store.tokens for store in stores])
        self.counts = {count: sum(store.header[count] for store in stores) for count in ("stories", "tokens", "chars")}
        self.chars_per_token = self.counts["chars"] / self.counts["tokens"]

    @property
    def seconds(self) -> float:
        """Of the budget, resumed parts included."""
        return self.seconds_before + time.monotonic() - self.began

    @property
    def tokens_per_step(self) -> int:
        return self.config.batch_size * self.config.seq_len

    @property
    def tokens(self) -> int:
        return self.step * self.tokens_per_step

    @property
    def evaluation_is_due(self) -> bool:
        return self.step > 0 and self.step % self.eval_every == 0 and self.evaluated != self.step

    @property
    def resume_command(self) -> str:
        text = " --data FILE" if self.config.data == "-" else ""           # the same text, which nobody kept
        return f"ternary train --resume {shlex.quote(self.config.save_dir)}{text}"

    @property
    def together(self) -> bool:
        """Whether all ranks have the same weights."""
        return self.met == self.step

    def progress(self) -> float:
        """The share of the budget that is used, 0 to 1."""
        return self.budget.progress(self.step, self.seconds, self.reserve)

    @property
    def reserve(self) -> float:
        """Seconds that the end of the budget will need: an evaluation, and as much again for the save."""
        if self.eval_seconds is not None:
            return 2 * self.eval_seconds + 1
        if self.fastest_step == math.inf:
            return 0.0
        # of a token an evaluation makes the forward half, but padded, in bf16 and before all of the head
        per_token = self.fastest_step / self.tokens_per_step
        return 2 * (per_token * sum(map(len, self.val_stories)) / self.chars_per_token + 1)

    def call(self, hook: str, *args: Any) -> None:
        """Call a method of every callback."""
        for callback in self.callbacks:
            getattr(callback, hook)(self, *args)

    def stop(self, reason: str) -> None:
        """End the run after this step."""
        self.stopped = reason

    def event(self, text: str) -> None:
        """What somebody who comes back in the morning has to know: in the log, on the screen and in the report."""
        self.log.record("event", self.step, text=text)
        self.log.message(f"step {self.step:,}: {text}")

    def attach(self, log: Logbook) -> None:
        """From now on the run is logged, and its folder is that of its checkpoint."""
        log.total, log.unit = (self.budget.seconds, "second") if self.budget.seconds else (self.budget.steps, "step")
        self.log = log
        log.rewind(self.step or -1)
        if not self.step:
            arrays = (*(p.values for p in self.model.parameters().values()), *self.optimizer_file().values())
            checkpoint.check_space(self.folder, sum(a.nbytes for a in arrays))
        if self.step and not checkpoint.step_folder(self.folder, self.step).is_dir():
            self.save()                   # the checkpoint is outside of the folder, or a copy under another name
        elif self.step:                   # perhaps not the last one: what came after it is void
            point(self.folder, "last", self.step)

    def save(self) -> None:
        if self.world.rank:
            self.saved = self.step
            return
        c = self.config
        state = {"step": self.step, "tokens": self.tokens, "seconds": self.seconds, "begun": self.begun,
                 "settings": c.to_json(),
                 "source_hash": self.source_hash, "val_source_hash": self.val_hash, **self.places,
                 "drawn": self.course.drawn,
                 "tokenizer_hash": self.tokenizer.hash, "cpu_path": ISA, "ranks": self.world.size}
        state |= states(self.callbacks, state, self.event)
        with self.averaged():
            path = checkpoint.save(self.folder, self.step,
                                   weights={name: p.values for name, p in self.model.parameters().items()},
                                   optimizer=self.optimizer_file(), config=to_json(c.model, self.model.config),
                                   tokenizer=self.tokenizer.to_json(), state=state, stories=self.stories)
        point(self.folder, "last", self.step)
        self.saved = self.step
        self.log.record("save", self.step, path=path.name)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, the model has the average of its weights, if the run keeps one: that is what is scored and saved."""
        if self.average:
            self.average.swap()
        try:
            yield
        finally:
            if self.average:
                self.average.swap()

    def optimizer_file(self) -> dict[str, np.ndarray]:
        """What a checkpoint needs besides the model to continue, see plan.optimizer_file_shapes."""
        trained = self.average.state() if self.average else {}
        return self.trainer.optimizer.state() | self.trainer.exchange.state() | self.own_parameters() | trained

    def try_to_save(self) -> None:
        """A checkpoint that cannot be written, perhaps for a full disk, does not end the run: the next one may."""
        try:
            self.save()
            self.save_error = None
            self.prune()
        except ResourceError as error:
            self.save_error = error
            self.event(f"warning: {error}; training goes on, and tries again at the next save")

    def prune(self) -> None:
        """Remove the checkpoints that --keep does not keep, if the folder lets them go."""
        try:
            if not self.world.rank:
                prune(self.folder, self.config.keep)
        except ResourceError as error:
            self.event(f"warning: {error}")

    def own_parameters(self) -> dict[str, np.ndarray]:
        """What objectives train besides the model; a checkpoint has it beside the state of the optimizer."""
        own = trained_parameters(self.model, self.objectives).items() - self.model.parameters().items()
        return {f"parameter.{name}": p.values for name, p in sorted(own)}

    def save_if_needed(self) -> str:
        """-> how to go on with the run"""
        if self.step > self.saved:
            self.save()
        self.world.barrier()                          # no rank ends the others before
        return f"saved at step {self.saved:,}; continue with: {self.resume_command}" if self.saved else ""

    def checkpoint(self, path: Path) -> Restored:
        with self.world.folder(path) as folder:
            return restore(folder, optimizer_file_shapes, prefer=("last",), model=self.config.model)

    def load(self, state: dict[str, Any], optimizer: dict[str, np.ndarray]) -> None:
        """To where a checkpoint was made, whose weights the model has already."""
        self.step = self.saved = self.met = state["step"]
        self.begun = state.get("begun", 0.0)
        self.trainer.optimizer.load(optimizer, self.step)
        self.course.drawn = list(state.get("drawn", [self.step]))
        for name, values in self.own_parameters().items():
            values[...] = optimizer[name]
        self.trainer.exchange.load(optimizer)
        if self.average:
            self.average.load(optimizer)
        for callback in self.callbacks:
            callback.load(state)

    def roll_back(self) -> None:
        """To the last checkpoint of this run, or to its beginning."""
        self.saved = self.world.first(lambda: self.saved)
        if self.saved:
            restored = self.checkpoint(checkpoint.step_folder(self.folder, self.saved))
            model, state, optimizer = restored.model, restored.state, restored.optimizer
        else:
            model, state = new_model(self.config), {"step": 0, "drawn": [0] * len(self.course.drawn)}
            moments = self.trainer.optimizer.state() | self.trainer.exchange.state()
            optimizer = {name: np.zeros_like(a) for name, a in moments.items()}
            first = trained_parameters(model, new_objectives(self.config, model))
            optimizer |= {f"{kind}.{name}": p.values for name, p in first.items() for kind in ("parameter", "trained")}
        parameters = self.model.parameters()
        for name, p in model.parameters().items():
            parameters[name].data[...] = p.data
        self.load(state, optimizer)
        try:
            self.log.rewind(self.step)
        except ResourceError as error:            # a full disk; --resume will do it
            self.log.message(f"warning: {error}")
