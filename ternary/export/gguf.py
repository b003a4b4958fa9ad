"""A GGUF file for llama.cpp, LM Studio and Ollama: architecture "lfm2", tokenizer "plamo2"."""
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ternary.checkpoint.load import Restored
from ternary.errors import UsageError
from ternary.export.base import EXPORTS, Target
from ternary.export.lfm2 import CONTEXT, EPS, Matrix, lfm2
from ternary.export.vocabulary import NAMES, vocabulary
from ternary.graph import Graph
from ternary.schema import Config, setting
from ternary.text.tokenizer import FIRST_PIECE, SPECIALS, Tokenizer

LAYER = {"norm1": "attn_norm", "in": "shortconv.in_proj", "conv": "shortconv.conv", "out": "shortconv.out_proj",
         "q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output", "q_norm": "attn_q_norm",
         "k_norm": "attn_k_norm", "norm2": "ffn_norm", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down"}
WIDTHS = {"f32": 1, "f16": 1, "q8_0": 32, "q4_0": 32, "tq2_0": 256}       # weights of a row that share a scale
FLOAT: dict[str, Any] = {"f32": np.float32, "f16": np.float16}
TEMPLATE = "{{ bos_token }}{% for m in messages %}{{ m['content'] }}{% endfor %}"


@dataclass(frozen=True)
class GGUFConfig(Config):
    """What can be set of a GGUF file."""
    type: str = setting("q4_0", "of the ternary matrices; the embedding is f32, f16 or q8_0", choices=tuple(WIDTHS))


@EXPORTS.register("gguf")
class GGUF(Target):
    """Ternary codes are exact in all types, their scales if they are of half precision, as in bolt-lfm."""
    config_type, suffix = GGUFConfig, ".gguf"

    def check(self, graph: Graph) -> None:
        lfm2(graph, self.name)

    def write(self, restored: Restored, graph: Graph, path: Path) -> dict[str, Any]:
        gguf, kind = library(), self.config.type
        model, entries = lfm2(graph, self.name), vocabulary(restored.tokenizer, self.name)
        for columns in (model.dim, model.hidden):
            if columns % WIDTHS[kind]:
                raise UsageError(f"--type {kind}: the model has rows of {columns} weights, {kind} needs a multiple "
                                 f"of {WIDTHS[kind]}; use {fitting(math.gcd(model.dim, model.hidden))}")
        writer = gguf.GGUFWriter(path, "lfm2")
        writer.add_name(restored.name)
        writer.add_file_type(getattr(gguf.LlamaFileType, ("ALL_" if kind == "f32" else "MOSTLY_") + kind.upper()))
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        writer.add_context_length(CONTEXT)
        writer.add_embedding_length(model.dim)
        writer.add_block_count(len(model.layers))
        writer.add_feed_forward_length(model.hidden)
        writer.add_vocab_size(len(entries))
        writer.add_shortconv_l_cache(model.taps)
        writer.add_head_count(model.heads)
        writer.add_head_count_kv([model.kv_heads if "q" in layer else 0 for layer in model.layers])
        writer.add_layer_norm_rms_eps(EPS)
        writer.add_rope_freq_base(10000.0)
        add_tokenizer(writer, gguf.TokenType, entries, len(restored.tokenizer.pieces))

        def add(name: str, values: np.ndarray, kind: str) -> None:
            raw = gguf.GGMLQuantizationType[kind.upper()]
            writer.add_tensor(f"{name}.weight", np.ascontiguousarray(values), raw_dtype=raw)
        if kind in ("f32", "f16"):
            add("token_embd", model.embedding.astype(FLOAT[kind]), kind)
        else:
            add("token_embd", gguf.quants.quantize(model.embedding, gguf.GGMLQuantizationType.Q8_0), "q8_0")
        add("token_embd_norm", model.norm, "f32")
        for i, layer in enumerate(model.layers):
            for name, x in layer.items():
                if isinstance(x, Matrix):
                    add(f"blk.{i}.{LAYER[name]}", packed(x, kind), kind)
                else:
                    add(f"blk.{i}.{LAYER[name]}", x.T if name == "conv" else x, "f32")
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        prompt = f"{NAMES[Tokenizer.EOS]}Once upon a time"
        return {"type": kind, "run": f"llama-completion -m {{path}} -no-cnv -p '{prompt}'"}


def add_tokenizer(writer: Any, types: Any, entries: list[tuple[str, float]], pieces: int) -> None:
    """plamo2 ignores add_bos_token: a text is to begin with EOS, which the template of a chat puts there."""
    kinds = [types.CONTROL, types.UNKNOWN, types.CONTROL, types.CONTROL]
    kinds += [types.BYTE] * (FIRST_PIECE - SPECIALS) + [types.NORMAL] * pieces
    kinds += [types.UNUSED] * (len(entries) - len(kinds))
    writer.add_tokenizer_model("plamo2")
    writer.add_token_list([name for name, _ in entries])
    writer.add_token_scores([score for _, score in entries])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(Tokenizer.EOS)
    writer.add_eos_token_id(Tokenizer.EOS)
    writer.add_unk_token_id(Tokenizer.UNK)
    writer.add_pad_token_id(Tokenizer.PAD)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def packed(x: Matrix, kind: str) -> np.ndarray:
    """-> the weights of a ternary matrix in this type, their codes kept: (M, K), or (M, bytes of a row) uint8"""
    if kind in FLOAT:
        return x.values.astype(FLOAT[kind])
    rows, width = len(x.codes), WIDTHS[kind]
    codes = x.codes.reshape(rows, -1, width).astype(np.int8)
    scales = np.broadcast_to(x.scales.astype("<f2")[:, None, None], (*codes.shape[:2], 1)).copy().view(np.uint8)
    if kind == "q8_0":
        parts = [scales, codes.view(np.uint8)]
    elif kind == "q4_0":                           # code + 8 in 4 bits; a byte holds those at j and j + 16
        low, high = np.split((codes + 8).astype(np.uint8), 2, axis=-1)
        parts = [scales, low | high << 4]
    else:                                          # code + 1 in 2 bits; a byte holds those at j, j + 32, j + 64, j + 96
        a, b, c, d = np.moveaxis((codes + 1).astype(np.uint8).reshape(rows, -1, 2, 4, 32), 3, 0)
        parts = [(a | b << 2 | c << 4 | d << 6).reshape(rows, -1, 64), scales]
    return np.concatenate(parts, -1).reshape(rows, -1)


def fitting(columns: int) -> str:
    return ", ".join(kind for kind, width in WIDTHS.items() if columns % width == 0)


def library() -> Any:
    """The package gguf of llama.cpp."""
    try:
        import gguf
    except ImportError:
        raise UsageError("--to gguf needs the package gguf: pip install gguf") from None
    return gguf
