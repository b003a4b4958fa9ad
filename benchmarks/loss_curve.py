"""Does the model learn as in PyTorch? Loss curves from the same weights on the same batches.

    python benchmarks/loss_curve.py --data train.txt

trains bolt-small with each seed in PyTorch (fp32, eager), and with the engine as it trains by default and in fp32:
AdamW, linear warm-up and cosine, gradients clipped. Prints by how many percent the smoothed losses differ from
PyTorch's, and writes JSON and a plot. The yardstick is PyTorch against itself with initial weights changed by 1e-7 of
their size: what chaos alone makes of a rounding error.
"""
import argparse
import json
import sys
import time
from pathlib import Path

from ternary.machine.threads import set_threads

set_threads()                     # before Numba and PyTorch read the environment
import numpy as np
import torch

from ternary.bench.measure import chosen, machine
from ternary.config import TrainConfig
from ternary.machine.heartbeat import say
from ternary.models import MODELS
from ternary.models.lm import LM
from ternary.text.corpus import open_corpus
from ternary.text.loader import Loader
from ternary.text.prepare import cached_tokenizer, prepare
from ternary.training.optimizers.adamw import AdamW
from ternary.training.schedules import Cosine, learning_rate, warmed
from ternary.training.step import Trainer

sys.path.insert(0, str(Path(__file__).parent / "peers"))
from torch_bolt import TorchBolt

RESULTS = Path(__file__).parent / "results"
SMOOTH = 50                       # steps of the running mean
NOISE = 1e-7                      # relative, of the perturbed weights
PEER, CHAOS = "PyTorch fp32", f"PyTorch fp32, weights + {NOISE:g}"
RECIPE = {"lr": 4e-3, "min_lr": 1e-5, "warmup": 100}
WEIGHT_DECAY, CLIP, BETAS = 0.01, 1.0, (0.9, 0.95)


def rates(steps: int) -> list[float]:
    """The learning rate of each step."""
    return [learning_rate(step, step / steps, Cosine(), **RECIPE) for step in range(steps)]


def ours(model: LM, loader: Loader, steps: int, precision: str, vocab_sampling: float = 0.0) -> list[float]:
    """Loss of each step with the engine; the head is exact during the warm-up, as in `ternary train`."""
    optimizer = AdamW(model.parameters(), beta1=BETAS[0], beta2=BETAS[1], weight_decay=WEIGHT_DECAY, grad_clip=CLIP)
    trainer = Trainer(model, optimizer, precision)
    noise = [vocab_sampling if warmed(step, step / steps, RECIPE["warmup"]) == 1 else 0.0 for step in range(steps)]
    return [trainer.step(*loader.batch(step), lr, noise[step])[0] for step, lr in enumerate(rates(steps))]


def copied(model: LM) -> TorchBolt:
    """The same model in PyTorch, with the same weights."""
    c = model.config
    peer = TorchBolt(c.vocab_size, c.dim, c.hidden, c.layers, c.kernel, torch.float32, c.quantizer, c.inner_norm)
    weights = {f"{key}.weight" if key.endswith(".conv") else key: torch.from_numpy(p.data.copy())
               for key, p in model.parameters().items()}
    peer.load_state_dict(weights)
    return peer


def theirs(peer: TorchBolt, loader: Loader, steps: int) -> list[float]:
    """Loss of each step in PyTorch."""
    optimizer = torch.optim.AdamW(peer.parameters(), betas=BETAS, weight_decay=WEIGHT_DECAY)
    losses = []
    for step, lr in enumerate(rates(steps)):
        x, y = (torch.from_numpy(a).long() for a in loader.batch(step))
        optimizer.param_groups[0]["lr"] = lr
        loss = peer.loss(x, y)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(peer.parameters(), CLIP)
        optimizer.step()
        losses.append(loss.item())
    return losses


def perturbed(peer: TorchBolt, seed: int) -> TorchBolt:
    """The same weights, each changed by about NOISE of its size."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for p in peer.parameters():
            p *= 1 + NOISE * torch.randn_like(p)
    return peer


def curves(seed: int, tokens: np.ndarray, batch: int, seq_len: int, steps: int) -> dict[str, list[float]]:
    """The losses of all systems from one initialisation."""
    loader, bolt = Loader(tokens, batch, seq_len, seed), MODELS.get("bolt-small")
    fresh = lambda: bolt(seed=seed)
    systems = {PEER: lambda: theirs(copied(fresh()), loader, steps),
               CHAOS: lambda: theirs(perturbed(copied(fresh()), seed), loader, steps)}
    usual, noise = chosen("auto"), TrainConfig.vocab_sampling
    systems[f"ternary {usual}, head noise {noise:g}"] = lambda: ours(fresh(), loader, steps, usual, noise)
    systems["ternary fp32"] = lambda: ours(fresh(), loader, steps, "fp32")
    losses = {}
    for name, run in systems.items():
        losses[name] = run()
        say(f"seed {seed}, {name}: last loss {losses[name][-1]:.4f}")
    return losses


def smooth(losses: list[float]) -> np.ndarray:
    """Means of SMOOTH steps in a row (of all, if there are fewer)."""
    n = min(SMOOTH, len(losses))
    return np.convolve(losses, np.full(n, 1 / n), "valid")


def differences(runs: list[dict[str, list[float]]]) -> list[dict]:
    """Percent by which the smoothed losses of each system differ from PyTorch's, over all steps and seeds."""
    rows = []
    for name in runs[0]:
        if name != PEER:
            percent = np.array([100 * (smooth(run[name]) / smooth(run[PEER]) - 1) for run in runs])
            rows.append({"system": name, "mean_percent": abs(percent).mean(), "worst_percent": abs(percent).max(),
                         "signed_mean_percent": percent.mean()})
    return rows


def plot(runs: list[dict[str, list[float]]], path: Path) -> None:
    """Smoothed losses of the first seed above, differences of all seeds below."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (above, below) = plt.subplots(2, 1, figsize=(8, 8), sharex=True)
    steps = len(runs[0][PEER])
    ends = range(min(SMOOTH, steps), steps + 1)
    for k, name in enumerate(runs[0]):
        above.plot(ends, smooth(runs[0][name]), f"C{k}", label=name)
        for run in runs if name != PEER else []:
            below.plot(ends, 100 * (smooth(run[name]) / smooth(run[PEER]) - 1), f"C{k}", linewidth=0.8)
    above.set_ylabel(f"nats per token, mean of {SMOOTH} steps")
    above.legend()
    below.set_ylabel("difference to PyTorch fp32, percent")
    below.set_xlabel("step")
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="fables", help="as for ternary train")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seq-len", type=int, default=128)
    parser.add_argument("--out", type=Path, help="without .json and .png [default: results/DATE-loss-curve]")
    args = parser.parse_args()
    where = machine()
    torch.set_num_threads(where["threads"])
    corpus = open_corpus(args.data, "train")
    tokens = prepare(corpus, cached_tokenizer(corpus, MODELS.get("bolt-small").config_type().vocab_size)).tokens
    runs = [curves(seed, tokens, args.batch, args.seq_len, args.steps) for seed in range(42, 42 + args.seeds)]
    rows, date = differences(runs), time.strftime("%Y-%m-%d")
    out = args.out or RESULTS / f"{date}-loss-curve"
    result = {"date": date, **where, "peer": f"torch {torch.__version__}", "batch_size": args.batch,
              "seq_len": args.seq_len, "steps": args.steps, "recipe": RECIPE, "differences": rows, "losses": runs}
    out.with_suffix(".json").write_text(json.dumps(result) + "\n")
    plot(runs, out.with_suffix(".png"))
    for row in rows:
        print(f"{row['system']:<32} mean {row['mean_percent']:.3f} %, worst {row['worst_percent']:.3f} %, "
              f"signed {row['signed_mean_percent']:+.3f} %")


if __name__ == "__main__":
    main()
