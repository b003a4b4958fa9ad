"""A whole run: data, model, budget, evaluations, checkpoints."""
import math
import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numba

from ternary.config import TrainConfig
from ternary.data.corpus import open_corpus, split_corpus
from ternary.data.loader import Loader
from ternary.data.tokens import cached_tokenizer, prepare
from ternary.errors import ModelFileError, UsageError
from ternary.evaluate import evaluate
from ternary.infer.engine import Engine
from ternary.kernels.isa import ISA, PRECISIONS
from ternary.models import entry, to_json
from ternary.train import checkpoint
from ternary.train.logbook import Logbook
from ternary.train.optimizer import AdamW
from ternary.train.restore import restore
from ternary.train.schedule import Budget, learning_rate
from ternary.train.trainer import Trainer

LOG_EVERY = 10                    # steps of one line in log.jsonl
PROMPT = "Once upon a time"


def resolve(config: TrainConfig) -> TrainConfig:
    """Fill in what was left to be chosen, and check what depends on this machine."""
    recipe = entry(config.model)
    if config.precision not in ("auto", "bf16", "fp32"):
        raise UsageError(f"--precision is {config.precision!r}; use auto, bf16 or fp32")
    budget = {} if any((config.hours, config.tokens, config.steps, config.epochs)) else {"epochs": 10}
    return replace(config, seq_len=config.seq_len or recipe.seq_len, lr=config.lr or recipe.lr,
                   precision=PRECISIONS[0] if config.precision == "auto" else config.precision,
                   threads=min(config.threads or numba.config.NUMBA_NUM_THREADS, numba.config.NUMBA_NUM_THREADS),
                   **budget)


class Run:
    """The state of a run; `train` makes one and walks it to the end of its budget."""

    def __init__(self, config: TrainConfig, resume: Path | None):
        self.began, self.log, self.config = time.monotonic(), Logbook(), config
        numba.set_num_threads(config.threads)
        restored = restore(resume, optimizer=True, prefer=("last",)) if resume else None
        train, val = self.corpora()
        self.tokenizer = restored.tokenizer if restored else cached_tokenizer(train, config.vocab_size)
        self.store = prepare(train, self.tokenizer, progress=self.preparing)
        self.val_stories = list(islice(val.stories(), config.eval_stories))
        self.loader = Loader(self.store.tokens, config.batch_size, config.seq_len, config.seed)
        self.chars_per_token = self.store.header["chars"] / self.store.header["tokens"]
        if restored:
            self.model = restored.model
        else:
            recipe = entry(config.model)
            self.model = recipe.model(replace(recipe.config, vocab_size=config.vocab_size, quantizer=config.quantizer,
                                              inner_norm=config.inner_norm), config.seed)
        optimizer = AdamW(self.model.parameters(), weight_decay=config.weight_decay, grad_clip=config.grad_clip)
        self.trainer = Trainer(self.model, optimizer, config.precision)
        self.step, self.used, self.reserve = 0, 0.0, 0.0
        self.best, self.stale, self.evaluated, self.loss = math.inf, 0, None, None
        self.budget = Budget(config.hours and config.hours * 3600, self.total_steps())
        if restored:
            self.continue_from(restored.state, restored.optimizer)
        self.eval_every = config.eval_every or min(1000, max(50, (self.budget.steps or 10000) // 20))

    def corpora(self):
        c = self.config
        train = open_corpus(c.data, "train", c.field)
        if c.val_data:
            return train, open_corpus(c.val_data, "validation", c.field)
        if c.data == "fables":
            return train, open_corpus(c.data, "validation")
        return split_corpus(train)

    def preparing(self, stories: int, tokens: int) -> None:
        self.log.message(f"tokenizing: {stories:,} stories, {tokens:,} tokens")

    def total_steps(self) -> int | None:
        c, per_step = self.config, self.config.batch_size * self.config.seq_len
        limits = [c.steps, c.tokens and math.ceil(c.tokens / per_step),
                  c.epochs and math.ceil(c.epochs * self.loader.steps_per_epoch)]
        limits = [n for n in limits if n]
        return min(limits) if limits else None

    def continue_from(self, state: dict, moments: dict) -> None:
        if state["source_hash"] != self.store.header["source_hash"]:
            raise ModelFileError(f"the text of --data {self.config.data} is not the one this run was started with; "
                                 "give it back, or start a new run")
        self.step, self.used, self.loss = state["step"], state["seconds"], state["train_loss"]
        self.trainer.optimizer.load(moments, self.step)

    def attach(self, log: Logbook) -> None:
        """From now on the run is logged; what the log knows of earlier evaluations counts."""
        log.total, log.unit = (self.budget.seconds, "s") if self.budget.seconds else (self.budget.steps, "step")
        self.log = log
        log.rewind(self.step)
        for line in log.lines("eval"):
            self.judge(line["step"], line["val_bpc"])

    @property
    def seconds(self) -> float:
        """Of the budget, resumed parts included."""
        return self.used + time.monotonic() - self.began

    def progress(self) -> float:
        return self.budget.progress(self.step, self.seconds, self.reserve)

    def train(self) -> None:
        """Steps until the budget is used or the validation loss has stopped to improve."""
        if self.step and self.evaluated != self.step and self.step % self.eval_every == 0:
            self.evaluate()               # killed between a save and its evaluation
        nats, counted, since, before = 0.0, 0, time.monotonic(), self.step
        while self.progress() < 1 and self.stale < self.config.patience:
            c, x_y = self.config, self.loader.batch(self.step)
            lr = learning_rate(self.step, self.progress(), lr=c.lr, min_lr=c.min_lr, warmup=c.warmup)
            loss, norm = self.trainer.step(*x_y, lr)
            self.step += 1
            nats, counted = nats + loss, counted + 1
            due = self.step % self.eval_every == 0
            if due or self.step % LOG_EVERY == 0 or self.progress() >= 1:
                self.loss = nats / counted
                speed = (self.step - before) * x_y[0].size / (time.monotonic() - since)
                self.log.record("train", self.step, loss=self.loss, lr=lr, grad_norm=norm, tokens_per_second=speed,
                                seconds=self.seconds)
                self.show(speed)
                nats, counted, since, before = 0.0, 0, time.monotonic(), self.step
            if due and self.progress() < 1:
                self.save()
                self.evaluate()
                since = time.monotonic()  # the speed is that of training
        if self.evaluated != self.step:
            self.save()
            self.evaluate()

    def show(self, speed: float) -> None:
        done = self.seconds if self.budget.seconds else self.step
        self.log.progress(done, loss=self.loss, bpc=self.loss / self.chars_per_token / math.log(2),
                          tokens_per_second=speed)

    def save(self) -> None:
        parameters = self.model.parameters()
        state = {"step": self.step, "tokens": self.tokens, "seconds": self.seconds, "train_loss": self.loss,
                 "source_hash": self.store.header["source_hash"], "tokenizer_hash": self.tokenizer.hash,
                 "settings": self.config.to_json()}
        path = checkpoint.save(Path(self.config.save_dir), self.step,
                               weights={name: p.data for name, p in parameters.items()},
                               optimizer=self.trainer.optimizer.state(),
                               config=to_json(self.config.model, self.model.config),
                               tokenizer=self.tokenizer.to_json(), state=state)
        checkpoint.point(Path(self.config.save_dir), "last", self.step)
        self.log.record("save", self.step, path=path.name)

    @property
    def tokens(self) -> int:
        return self.step * self.config.batch_size * self.config.seq_len

    def evaluate(self) -> None:
        """Honest BPC on the validation stories and a sample; `best` points to the best step so far."""
        start = time.monotonic()
        result = evaluate(self.model, self.tokenizer, self.val_stories, None, self.config.precision)
        if self.judge(self.step, result["bpc"]):
            checkpoint.point(Path(self.config.save_dir), "best", self.step)
        checkpoint.prune(Path(self.config.save_dir))
        self.log.record("eval", self.step, val_loss=result["nats_per_token"], val_bpc=result["bpc"],
                        tokens=self.tokens, seconds=self.seconds)
        sample = PROMPT + Engine(self.model, self.tokenizer).generate(PROMPT, 60, seed=self.config.seed)
        self.log.record("sample", self.step, text=sample)
        self.log.message(f"step {self.step:,}: validation BPC {result['bpc']:.4f}, loss {result['nats_per_token']:.4f}"
                         f"  |  {' '.join(sample.split())[:160]}")
        self.val_loss, self.val_bpc = result["nats_per_token"], result["bpc"]
        # what the end of the budget will need: this evaluation, and as much again for the save
        self.reserve = 2 * (time.monotonic() - start) + 1

    def judge(self, step: int, bpc: float) -> bool:
        """Count evaluations since the best one; -> whether this is the best."""
        better = bpc < self.best
        self.best, self.stale = (bpc, 0) if better else (self.best, self.stale + 1)
        self.evaluated = step
        return better


def describe(run: Run) -> Iterable[str]:
    c, header = run.config, run.store.header
    yield (f"{c.model}: {run.model.parameter_count:,} parameters, {c.precision} on {c.threads} threads ({ISA}), "
           f"batch {c.batch_size} x {c.seq_len}, lr {c.lr:g}")
    yield (f"data {c.data}: {header['stories']:,} stories, {header['tokens']:,} tokens "
           f"({run.chars_per_token:.2f} characters each)")


def train(config: TrainConfig, resume: Path | None = None) -> dict:
    """Train, or continue the run that `resume` names (then `config` is that of the run) -> JSON of `ternary train`."""
    config = resolve(config)
    folder = Path(config.save_dir)
    if not resume and any(folder.glob("step_*")):
        raise UsageError(f"{folder} holds a run already; continue it with --resume {folder}, or choose another "
                         "--save-dir")
    run = Run(config, resume)
    first, start = run.step, time.monotonic()
    with Logbook(folder) as log:
        run.attach(log)
        for line in describe(run):
            log.message(line)
        log.record("start", run.step, settings=config.to_json(), parameters=run.model.parameter_count)
        run.train()
        speed = (run.step - first) * config.batch_size * config.seq_len / (time.monotonic() - start)
        log.record("end", run.step, val_bpc=run.val_bpc, seconds=run.seconds)
    return {"checkpoint": config.save_dir, "step": run.step, "tokens": run.tokens, "seconds": run.seconds,
            "tokens_per_second": speed, "train_loss": run.loss, "val_loss": run.val_loss, "val_bpc": run.val_bpc}
