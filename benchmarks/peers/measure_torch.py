"""Speed of whole training steps of a peer (forward, backward, clipping, AdamW) in PyTorch.

    python benchmarks/peers/measure_torch.py --model bolt-small --mode bf16-compile --batch 16 --seq-len 256

A mode is a precision (bf16: autocast), "-compile" for torch.compile, and with that "-cpp" for Inductor's cpp_wrapper,
"-autotune" for its max_autotune, and "-lce" for linear_cross_entropy, which joins the head to the loss and never holds
all logits.
"""

import importlib
from collections.abc import Callable

import timing
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
INDUCTOR = {"cpp": "cpp_wrapper", "autotune": "max_autotune"}  # option of a mode -> the setting it turns on
LCE = ["lce"] if hasattr(nn, "LinearCrossEntropyOptions") else []  # since PyTorch 2.13
STAGES = [["fp32", "bf16"], ["compile"], [*INDUCTOR, *LCE]]


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


def prepare(name: str, mode: list[str], batch: int, seq_len: int, threads: int) -> timing.Step:
    """A step on random tokens."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = build(name)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.01, fused=True)
    loss_of = joined_loss(model) if "lce" in mode else model.loss
    for option, setting in INDUCTOR.items():
        setattr(inductor, setting, option in mode)
    if "compile" in mode:
        loss_of = torch.compile(loss_of)
    x, y = torch.randint(4, model.embed.num_embeddings, (2, batch, seq_len))

    def step() -> float:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled="bf16" in mode):
            loss = loss_of(x, y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return step


if __name__ == "__main__":
    timing.main(f"torch {torch.__version__}", PEERS, STAGES, prepare)
