import math
import time
from typing import TYPE_CHECKING

from ternary.checkpoint import format as checkpoint
from ternary.checkpoint.folder import point
from ternary.errors import ResourceError
from ternary.evaluation.protocol import evaluate
from ternary.inference.generation import Engine
from ternary.text.tokenizer import FIRST_PIECE, Tokenizer
from ternary.training.callbacks.base import Callback
from ternary.training.guard import trit_shares, warnings
from ternary.training.plan import eval_precision

if TYPE_CHECKING:
    from ternary.training.run import Run

PROMPT = "Once upon a time"


def prompt_for(tokenizer: Tokenizer) -> str:
    """How a sample begins: a story of its own if the text of the run has not the words, and they would be bytes."""
    return PROMPT if min(tokenizer.encode(PROMPT)) >= FIRST_PIECE else ""


class Evaluation(Callback):
    """Honest BPC on the validation stories and a sample, every --eval-every steps and at the end.

    `best` points to the best step that is saved. --patience and --target-bpc end the run.
    """

    def __init__(self) -> None:
        self.best, self.best_step, self.stale = math.inf, 0, 0
        self.scores: dict[int, float] = {}        # BPC of each step evaluated

    def start(self, run: "Run") -> None:
        """What the log knows of earlier evaluations counts."""
        for line in run.log.lines("eval"):
            self.compare(run, line["step"], line["val_loss"], line["val_bpc"])
        self.stop_if_over(run)
        self.point(run)

    def pause(self, run: "Run") -> None:
        if run.evaluation_is_due:
            self.evaluate(run)

    def finish(self, run: "Run") -> None:
        if run.evaluated != run.step:
            self.evaluate(run)

    def evaluate(self, run: "Run") -> None:
        start, c, prompt = time.monotonic(), run.config, prompt_for(run.tokenizer)
        run.trainer.release()                 # scoring takes as much as training
        run.world.broadcast(run.trainer.optimizer.data)       # different CPUs round differently
        with run.averaged():
            result = evaluate(run.model, run.tokenizer, run.val_stories, None, eval_precision(c),
                              workers=run.workers, world=run.world)
            if run.world.rank:
                run.evaluated = run.step
                return
            sample = prompt + Engine(run.model, run.tokenizer, compiled=False).generate(prompt, 60, seed=c.seed)
            trits = trit_shares(run.model)
        loss, bpc = result["nats_per_token"], result["bpc"]
        self.compare(run, run.step, loss, bpc)
        self.stop_if_over(run)
        try:
            self.point(run)
        except ResourceError as error:
            run.event(f"warning: {error}")
        run.prune()
        # one line: a run that is killed here has evaluated, or will do it again
        run.log.record("eval", run.step, val_loss=loss, val_bpc=bpc, stories=len(run.val_stories), seen=run.scored_seen,
                       tokens=run.tokens, seconds=run.seconds, trits=trits, sample=sample)
        shown = "".join(filter(str.isprintable, " ".join(sample.split())))[:160]
        run.log.message(f"step {run.step:,}: validation BPC {bpc:.4f}, loss {loss:.4f}  |  {shown}")
        for warning in warnings(run.log.lines("eval"), run.loss):
            run.event(f"warning: {warning}")
        run.call("evaluated", result)
        run.eval_seconds = time.monotonic() - start
        run.share = run.progress()

    def point(self, run: "Run") -> None:
        """Let `best` point to the best step that has a checkpoint: a full disk may have refused some."""
        saved = [step for step in self.scores if checkpoint.step_folder(run.folder, step).is_dir()]
        if saved:
            point(run.folder, "best", min(saved, key=lambda step: self.scores[step]))

    def compare(self, run: "Run", step: int, loss: float, bpc: float) -> None:
        """Take note of an evaluation, and count those since the best one."""
        self.scores[step] = bpc
        run.evaluated, run.val_loss, run.val_bpc = step, loss, bpc
        if bpc < self.best:
            self.best, self.best_step, self.stale = bpc, step, 0
        else:
            self.stale += 1

    def stop_if_over(self, run: "Run") -> None:
        if reason := self.reason_to_stop(run):    # otherwise another callback may have one
            run.stop(reason)

    def reason_to_stop(self, run: "Run") -> str | None:
        """--patience is off by default: a learning rate that has yet to fall hides the progress made."""
        c = run.config
        if c.patience and self.stale >= c.patience:
            return (f"the last {self.stale} evaluations were no better than that of step {self.best_step:,}; to go on: "
                    f"{run.resume_command} with a larger --patience")
        if c.target_bpc and run.val_bpc is not None and run.val_bpc <= c.target_bpc:
            return (f"the validation BPC {run.val_bpc:.4f} is at the target {c.target_bpc:g}; to go on: "
                    f"{run.resume_command} with a lower --target-bpc")
        return None
