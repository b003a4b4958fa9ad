"""A whole run: data, model, budget, evaluations, checkpoints."""
import math
import shlex
import time
from itertools import islice
from pathlib import Path

import numba
import numpy as np

from ternary.checkpoint import format as checkpoint
from ternary.checkpoint.load import restore
from ternary.checkpoint.lock import locked
from ternary.config import TrainConfig
from ternary.errors import ModelFileError, NumericError, UsageError
from ternary.evaluation.protocol import evaluate
from ternary.inference.generation import Engine
from ternary.machine.hardware import usable_cores
from ternary.models import to_json
from ternary.report.page import write_report
from ternary.text.loader import Loader
from ternary.text.prepare import cached_tokenizer, prepare
from ternary.training.environment import describe, facts
from ternary.training.guard import Guard, trit_shares, warnings
from ternary.training.logbook import Logbook, read_log
from ternary.training.loggers import open_sinks
from ternary.training.memory import check_memory
from ternary.training.optimizers import OPTIMIZERS, moment_shapes
from ternary.training.plan import budget, corpora, eval_precision, new_model, resolve
from ternary.training.precompile import start_compiling
from ternary.training.schedules import learning_rate, warmed
from ternary.training.selftest import check_kernels
from ternary.training.step import Trainer, uninterrupted

LOG_EVERY = 10                    # steps of one line in log.jsonl
PROMPT = "Once upon a time"
KEPT = ("loss", "nats", "counted", "lr_scale", "events")      # what state.json holds of where the run is, with the step
EVENTS = 3                        # unsound steps that end a run


class Run:
    """The state of a run; `train` makes one and walks it to the end of its budget."""

    def __init__(self, config: TrainConfig, resume: Path | None):
        self.began, self.log, self.config, self.folder = time.monotonic(), Logbook(), config, Path(config.save_dir)
        numba.set_num_threads(config.threads)
        wait_for_kernels = start_compiling(config)
        restored = restore(resume, moment_shapes, prefer=("last",)) if resume else None
        train, val = corpora(config)
        how = {"processes": usable_cores()[0], "tell": self.log.message}
        self.tokenizer = restored.tokenizer if restored else cached_tokenizer(train, config.vocab_size, **how)
        self.store = prepare(train, self.tokenizer, **how)
        self.val_stories = list(islice(val.stories(), config.eval_stories))
        self.loader = Loader(self.store.tokens, config.batch_size, config.seq_len, config.seed)
        self.chars_per_token = self.store.header["chars"] / self.store.header["tokens"]
        if restored:
            self.model = restored.model
        else:
            self.model = new_model(config)
        self.memory = check_memory(self.model, config)
        wait_for_kernels()
        check_kernels(config)
        optimizer = OPTIMIZERS.get(config.optimizer)(self.model.parameters(), precision=config.precision,
                                                     weight_decay=config.weight_decay, grad_clip=config.grad_clip)
        self.trainer = Trainer(self.model, optimizer, config.precision, config.seed)
        self.step, self.saved, self.used = 0, 0, 0.0
        self.quickest, self.eval_seconds = math.inf, None         # a step after the first, and the last evaluation
        self.nats, self.counted = 0.0, 0  # of the steps since the last line in log.jsonl
        self.lr_scale, self.events, self.saved_at = 1.0, 0, time.monotonic()
        self.loss = self.evaluated = self.val_loss = self.val_bpc = None
        self.best, self.best_step, self.stale = math.inf, None, 0
        self.budget = budget(config, self.loader.steps_per_epoch)
        if restored:
            self.continue_from(restored.state, restored.optimizer)
        self.eval_every = config.eval_every or min(1000, max(50, (self.budget.steps or 10000) // 20))

    def continue_from(self, state: dict, moments: dict) -> None:
        if state["source_hash"] != self.store.header["source_hash"]:
            raise ModelFileError(f"the text of --data {self.config.data} is not the one this run was started with; "
                                 "give it back, or start a new run")
        self.used = state["seconds"]
        self.go_to(state, moments)

    def go_to(self, state: dict, moments: dict) -> None:
        """To where a checkpoint was made, whose weights the model has already."""
        self.step = self.saved = state["step"]
        for key in KEPT:
            setattr(self, key, state[key])
        self.trainer.guard = Guard(state["loss_mean"], state["loss_seen"])
        self.trainer.optimizer.load(moments, self.step)

    def roll_back(self, reason: str) -> None:
        """After an unsound step: to the last checkpoint, with half the learning rate. NumericError at the third."""
        events, scale = self.events + 1, self.lr_scale / 2
        if events == EVENTS:
            raise NumericError(f"{reason}; it is the third time, so the run ends; checkpoints are sound; start a run "
                               "with a smaller --lr in another --save-dir")
        if self.saved:
            restored = restore(checkpoint.step_folder(self.folder, self.saved), moment_shapes)
            model, state, moments = restored.model, restored.state, restored.optimizer
        else:
            model = new_model(self.config)
            state = {"step": 0, **dict.fromkeys(KEPT, 0), "loss": None, "loss_mean": None, "loss_seen": 0}
            moments = {name: np.zeros_like(a) for name, a in self.trainer.optimizer.state().items()}
        parameters = self.model.parameters()
        for name, p in model.parameters().items():
            parameters[name].data[...] = p.data
        self.go_to(state, moments)
        self.lr_scale, self.events, self.lap = scale, events, (self.step, time.monotonic())
        self.log.rewind(self.step)
        self.tell_event(f"{reason}; back to step {self.step:,} with the learning rate times {scale:g}")

    def tell_event(self, text: str) -> None:
        """What somebody who comes back in the morning has to know: in the log, on the screen and in the report."""
        self.log.record("event", self.step, text=text)
        self.log.message(f"step {self.step:,}: {text}")

    def attach(self, log: Logbook) -> None:
        """From now on the run is logged; what the log knows of earlier evaluations counts."""
        log.total, log.unit = (self.budget.seconds, "second") if self.budget.seconds else (self.budget.steps, "step")
        self.log = log
        log.rewind(self.step or -1)
        for line in log.lines("eval"):
            self.judge(line["step"], line["val_loss"], line["val_bpc"])
        if self.step:                     # perhaps not the last one: what came after it is void
            checkpoint.point(self.folder, "last", self.step)
            if self.best_step and checkpoint.step_folder(self.folder, self.best_step).is_dir():
                checkpoint.point(self.folder, "best", self.best_step)

    @property
    def seconds(self) -> float:
        """Of the budget, resumed parts included."""
        return self.used + time.monotonic() - self.began

    @property
    def tokens(self) -> int:
        return self.step * self.config.batch_size * self.config.seq_len

    @property
    def reserve(self) -> float:
        """Seconds that the end of the budget will need: an evaluation, and as much again for the save."""
        if self.eval_seconds is not None:
            return 2 * self.eval_seconds + 1
        if self.quickest == math.inf:
            return 0.0
        # of a token an evaluation makes the forward half, but padded, in bf16 and before all of the head
        each = self.quickest / (self.config.batch_size * self.config.seq_len)
        return 2 * (each * sum(map(len, self.val_stories)) / self.chars_per_token + 1)

    def progress(self) -> float:
        return self.budget.progress(self.step, self.seconds, self.reserve)

    @property
    def stuck(self) -> bool:
        """Whether --patience is over. None by default: a learning rate that has yet to fall hides the progress made."""
        return bool(self.config.patience) and self.stale >= self.config.patience

    @property
    def reached(self) -> bool:
        """Whether the last evaluation is at the target, if there is one."""
        return self.val_bpc is not None and self.val_bpc <= (self.config.target_bpc or 0)

    def train(self) -> None:
        """Steps until the budget is used, the validation loss has stopped to improve, or the target is reached."""
        if self.step and self.evaluated != self.step and self.step % self.eval_every == 0:
            self.evaluate()               # killed between a save and its evaluation
        self.first, self.lap, share = self.step, (self.step, time.monotonic()), self.progress()
        while share < 1 and not self.stuck and not self.reached:
            before = self.step
            with uninterrupted():
                share = self.advance(share)
            if share < 1 and self.step > before and self.step % self.eval_every == 0:
                self.save()
                self.evaluate()
                self.lap, share = (self.step, time.monotonic()), self.progress()
        if self.saved != self.step:
            self.save()
        if self.evaluated != self.step:
            self.evaluate()

    def advance(self, share: float) -> float:
        """One step at this share of the budget -> the share that is used then."""
        c, start = self.config, time.monotonic()
        lr = self.lr_scale * learning_rate(self.step, share, lr=c.lr, min_lr=c.min_lr, warmup=c.warmup,
                                           schedule=c.schedule)
        # before a model can tell words apart, leaving out blocks of them costs more than it saves
        noise = c.vocab_sampling if warmed(self.step, share, c.warmup) == 1 else 0.0
        try:
            loss, norm = self.trainer.step(*self.loader.batch(self.step), lr, noise)
        except NumericError as error:
            self.roll_back(str(error))
            return self.progress()
        self.step, self.nats, self.counted = self.step + 1, self.nats + loss, self.counted + 1
        if self.step > self.first + 1:    # the first step compiles, it is no measure
            self.quickest = min(self.quickest, time.monotonic() - start)
        share = self.progress()
        if share >= 1 or self.step % LOG_EVERY == 0 or self.step % self.eval_every == 0:
            self.tell(lr, norm)
        if time.monotonic() - self.saved_at >= 60 * c.save_minutes:
            self.save()
        return share

    def tell(self, lr: float, norm: float) -> None:
        """The steps since the last line: a line in log.jsonl, and the progress."""
        (before, since), self.lap = self.lap, (self.step, time.monotonic())
        speed = (self.step - before) * self.config.batch_size * self.config.seq_len / max(self.lap[1] - since, 1e-9)
        self.loss, self.nats, self.counted = self.nats / self.counted, 0.0, 0
        self.log.record("train", self.step, loss=self.loss, lr=lr, grad_norm=norm, tokens_per_second=speed,
                        seconds=self.seconds)
        self.log.progress(self.seconds if self.budget.seconds else self.step, loss=self.loss,
                          bpc=self.loss / self.chars_per_token / math.log(2), tokens_per_second=speed)

    def save(self) -> None:
        parameters = self.model.parameters()
        guard = self.trainer.guard
        state = {"step": self.step, "tokens": self.tokens, "seconds": self.seconds,
                 **{key: getattr(self, key) for key in KEPT}, "loss_mean": guard.mean, "loss_seen": guard.seen,
                 "settings": self.config.to_json(),
                 "source_hash": self.store.header["source_hash"], "tokenizer_hash": self.tokenizer.hash}
        path = checkpoint.save(self.folder, self.step,
                               weights={name: p.values for name, p in parameters.items()},
                               optimizer=self.trainer.optimizer.state(),
                               config=to_json(self.config.model, self.model.config),
                               tokenizer=self.tokenizer.to_json(), state=state)
        checkpoint.point(self.folder, "last", self.step)
        self.saved, self.saved_at = self.step, time.monotonic()
        self.log.record("save", self.step, path=path.name)

    def evaluate(self) -> None:
        """Honest BPC on the validation stories and a sample; `best` points to the best step so far."""
        start = time.monotonic()
        result = evaluate(self.model, self.tokenizer, self.val_stories, None, eval_precision(self.config))
        loss, bpc = result["nats_per_token"], result["bpc"]
        if self.judge(self.step, loss, bpc):
            checkpoint.point(self.folder, "best", self.step)
        checkpoint.prune(self.folder, self.config.keep)
        sample = PROMPT + Engine(self.model, self.tokenizer).generate(PROMPT, 60, seed=self.config.seed)
        # one line: a run that is killed here has evaluated, or will do it again
        self.log.record("eval", self.step, val_loss=loss, val_bpc=bpc, tokens=self.tokens, seconds=self.seconds,
                        trits=trit_shares(self.model), sample=sample)
        shown = "".join(filter(str.isprintable, " ".join(sample.split())))[:160]
        self.log.message(f"step {self.step:,}: validation BPC {bpc:.4f}, loss {loss:.4f}  |  {shown}")
        for warning in warnings(self.log.lines("eval"), self.loss):
            self.tell_event(f"warning: {warning}")
        self.report()
        self.eval_seconds = time.monotonic() - start

    def report(self) -> None:
        """Rewrite report.html; a full disk must not end a run."""
        try:
            write_report(self.folder, read_log(self.folder), self.resuming)
        except OSError as error:
            self.log.message(f"warning: {self.folder / 'report.html'} cannot be written ({error.strerror})")

    def judge(self, step: int, loss: float, bpc: float) -> bool:
        """Take note of an evaluation, and count those since the best one; -> whether this is the best."""
        self.evaluated, self.val_loss, self.val_bpc = step, loss, bpc
        better = bpc < self.best
        if better:
            self.best, self.best_step, self.stale = bpc, step, 0
        else:
            self.stale += 1
        return better

    def keep(self) -> str:
        """Save what is not saved yet -> how to go on with it."""
        if self.step > self.saved:
            self.save()
        return f"saved at step {self.saved:,}; continue with: {self.resuming}" if self.saved else ""

    @property
    def resuming(self) -> str:
        return f"ternary train --resume {shlex.quote(self.config.save_dir)}"


def train(config: TrainConfig, resume: Path | None = None) -> dict:
    """Train, or continue the run that `resume` names (then `config` is that of the run) -> JSON of `ternary train`.

    An interrupted run is saved; the KeyboardInterrupt then tells how to go on.
    """
    asked, config = config, resolve(config)
    folder = Path(config.save_dir)
    checkpoint.check_folder(folder)
    if not resume and checkpoint.steps(folder):
        raise UsageError(f"{folder} holds a run already; continue it with --resume {folder}, or choose another "
                         "--save-dir")
    run = Run(config, resume)
    if not run.step and run.progress() >= 1:
        raise UsageError(f"--hours {config.hours:g} were over when the data was prepared, in {run.seconds:.1f} s; it "
                         "is kept: the same command gets further, or give more --hours")
    with locked(folder), Logbook(folder) as log:
        return finish(run, asked, log)


def finish(run: Run, asked: TrainConfig, log: Logbook) -> dict:
    """Walk a run to its end."""
    config, first, start = run.config, run.step, time.monotonic()
    run.attach(log)
    log.sinks = open_sinks(config.log, run.folder, config.to_json())
    for line in describe(run, asked):
        log.message(line)
    log.record("start", run.step, settings=config.to_json(), parameters=run.model.parameter_count, facts=facts(run))
    try:
        run.train()
    except KeyboardInterrupt as stop:
        raise type(stop)(run.keep()) from None
    if run.stuck:
        log.message(f"stopped: the last {run.stale} evaluations were no better than that of step "
                    f"{run.best_step:,}; to go on: {run.resuming} with a larger --patience")
    if run.reached:
        log.message(f"stopped: the validation BPC {run.val_bpc:.4f} is at the target {config.target_bpc:g}; to go "
                    f"on: {run.resuming} with a lower --target-bpc")
    speed = (run.step - first) * config.batch_size * config.seq_len / max(time.monotonic() - start, 1e-9)
    log.record("end", run.step, val_bpc=run.val_bpc, seconds=run.seconds)
    run.report()
    return {"checkpoint": config.save_dir, "step": run.step, "tokens": run.tokens, "seconds": run.seconds,
            "tokens_per_second": speed, "train_loss": run.loss, "val_loss": run.val_loss, "val_bpc": run.val_bpc}
