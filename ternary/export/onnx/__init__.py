"""ONNX: the decode step as a graph, with its state as inputs and outputs, for ONNX Runtime and others."""
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ternary import __version__
from ternary.checkpoint.load import Restored
from ternary.errors import UsageError
from ternary.export.base import EXPORTS, Target
from ternary.export.onnx.lowering import OPS, Lowering
from ternary.graph import Graph
from ternary.schema import Config, setting

VERSIONS, IR_VERSION = {"": 23, "com.microsoft": 1}, 11       # of sets of operators; 23 is that of RMSNormalization
START = "all states are zeros, of length 0 where an axis has a name; the first token is eos_token"


@dataclass(frozen=True)
class OnnxConfig(Config):
    opset_only: bool = setting(False, "standard operators only, none of ONNX Runtime's own")


@EXPORTS.register("onnx")
class Onnx(Target):
    """token (1,) int64 and states -> logits (1, V) and new states.

    The metadata has what a program needs to run it: `tokenizer` (its JSON), `states` (input -> output, as JSON),
    `eos_token` and `start`, how to begin. Weights and activations are computed in float32.
    """
    config_type, ops, suffix = OnnxConfig, OPS, ".onnx"

    def export(self, restored: Restored, path: Path) -> dict[str, Any]:
        try:
            import onnx  # noqa: F401
        except ImportError:
            raise UsageError("--to onnx: it needs the package onnx; pip install onnx onnxruntime regex") from None
        return super().export(restored, path)

    def write(self, restored: Restored, graph: Graph, path: Path) -> dict[str, Any]:
        import onnx
        from onnx import helper
        lowering = Lowering(graph, self.config.opset_only)
        proto = lowering.proto(restored.name)
        domains = sorted({node.domain for node in proto.node})
        model = helper.make_model(proto, opset_imports=[helper.make_opsetid(name, VERSIONS[name]) for name in domains],
                                  ir_version=IR_VERSION, producer_name="ternary", producer_version=__version__)
        helper.set_model_props(model, {
            "tokenizer": restored.tokenizer.to_json(), "eos_token": str(restored.tokenizer.EOS), "start": START,
            "states": json.dumps(lowering.states)})
        onnx.save(model, path)
        facts = {"opset": VERSIONS[""], "states": len(lowering.states)}
        if restored.tokenizer.rule == "unigram":      # which the example does not know
            return facts
        return {**facts, "run": 'python examples/run_onnx.py {path} "Once upon a time"'}
