"""A model that is quick to measure."""
from dataclasses import dataclass
from types import SimpleNamespace

from ternary.bench import kernels as kernels_bench
from ternary.models.bolt import Bolt, BoltConfig


@dataclass(frozen=True)
class TinyConfig(BoltConfig):
    vocab_size: int = 500
    dim: int = 32
    layers: int = 2
    hidden: int = 64


class TinyBolt(Bolt):
    config_type = TinyConfig


TINY = f"{__name__}:TinyBolt"     # for --model
FAST = {"batch_size": 2, "seq_len": 32, "seconds": 0.2, "precision": "fp32"}


def measure_small_shapes(monkeypatch):
    """`bench kernels` measures bolt-small in every precision; from now on a smaller one in one precision."""
    monkeypatch.setattr(kernels_bench, "MODELS", SimpleNamespace(get=lambda name: TinyBolt))
    monkeypatch.setattr(kernels_bench, "PRECISIONS", ("fp32",))
    monkeypatch.setattr(kernels_bench, "ROWS", 256)
