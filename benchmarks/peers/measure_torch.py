"""Speed of whole training steps of a peer (forward, backward, clipping, AdamW) in PyTorch.

    python benchmarks/peers/measure_torch.py --model bolt-small --mode bf16-compile --batch 16 --seq-len 256

A mode is a precision (bf16: autocast), "-compile" for torch.compile, "-lce" for linear_cross_entropy, which joins the
head to the loss and never holds all logits, and "-tuned" for Inductor's cpp_wrapper and max_autotune, which compile for
minutes.
"""

import argparse
import importlib
import json
import time
from collections.abc import Callable

import torch
import torch._inductor.config as inductor
import torch.nn.functional as F
from torch import nn

# model of ternary -> module in this folder, class, sizes that differ from those of the class
PEERS = {
    "bolt-small": ("torch_bolt", "TorchBolt", {}),
    "bolt-large": ("torch_bolt", "TorchBolt", {"dim": 384, "hidden": 1024, "layers": 8}),
    "nova": ("torch_nova", "TorchNova", {}),
    "thunderbolt": ("torch_thunderbolt", "TorchThunderbolt", {}),
    "bolt-gdn-small": ("torch_delta", "TorchGDN", {}),
    "cortex-8": ("torch_delta", "TorchCortex8", {}),
}


def modes() -> list[str]:
    """Those that this PyTorch has."""
    compiled = ["fp32-compile", "bf16-compile"]
    joined = [f"{mode}-lce" for mode in compiled] if hasattr(nn, "LinearCrossEntropyOptions") else []
    return ["fp32", "bf16", *compiled, *joined, *(f"{mode}-tuned" for mode in compiled + joined)]


def build(name: str) -> nn.Module:
    """A new model of the published size, with loss(x, y), and hidden(x) in front of the tied head."""
    module, kind, sizes = PEERS[name]
    return getattr(importlib.import_module(module), kind)(**sizes)


def joined_loss(model: nn.Module) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """model.loss with the head and the cross-entropy in one, a chunk of rows at a time."""
    options = nn.LinearCrossEntropyOptions(allow_retain_graph=True)  # what torch.compile would choose, and warn

    def loss(x, y):
        h = model.hidden(x).flatten(0, 1)
        return F.linear_cross_entropy(h, model.embed.weight, y.flatten(), options=options)

    return loss


def measure(name: str, mode: str, batch: int, seq_len: int, seconds: float, threads: int) -> dict:
    """Mean and best tokens per second of steps on random tokens, after three to compile and warm up."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = build(name)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.01, fused=True)
    loss_of = joined_loss(model) if "-lce" in mode else model.loss
    if "-tuned" in mode:
        inductor.cpp_wrapper = inductor.max_autotune = True
    if "-compile" in mode:
        loss_of = torch.compile(loss_of)
    x, y = torch.randint(4, model.embed.num_embeddings, (2, batch, seq_len))

    def step() -> float:
        start = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mode.startswith("bf16")):
            loss = loss_of(x, y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss.item()
        return time.perf_counter() - start

    for _ in range(3):
        step()
    times = [step()]
    while sum(times) < seconds:
        times.append(step())
    tokens = batch * seq_len
    return {
        "model": name,
        "peer": f"torch {torch.__version__}",
        "mode": mode,
        "threads": threads,
        "batch_size": batch,
        "seq_len": seq_len,
        "steps": len(times),
        "tokens_per_second": tokens * len(times) / sum(times),
        "best_tokens_per_second": tokens / min(times),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Training speed of a model in PyTorch.")
    parser.add_argument("--model", choices=PEERS, default="bolt-small")
    parser.add_argument("--mode", choices=modes(), default="fp32")
    parser.add_argument("--list-modes", action="store_true", help="print the modes that this PyTorch has, no more")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seq-len", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.list_modes:
        print(json.dumps(modes()))
        return
    result = measure(args.model, args.mode, args.batch, args.seq_len, args.seconds, args.threads)
    if args.json:
        print(json.dumps(result))
    else:
        print(
            f"{args.model}, {result['peer']} {args.mode}, batch {args.batch} x {args.seq_len}, {args.threads} threads: "
            f"{result['tokens_per_second']:,.0f} tokens/s mean, {result['best_tokens_per_second']:,.0f} best"
        )


if __name__ == "__main__":
    main()
