"""A folder for the Hugging Face hub. A model that is an LFM2 loads in transformers; all load with `ternary.load`."""
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from ternary.checkpoint.format import save_model
from ternary.checkpoint.layout import CONFIG, HUB, TOKENIZER, WEIGHTS
from ternary.checkpoint.load import Restored
from ternary.errors import UsageError
from ternary.export.base import EXPORTS, Target
from ternary.export.card import card, public_settings
from ternary.export.lfm2 import CONTEXT, EPS, LFM2, Matrix, lfm2
from ternary.export.vocabulary import NAMES, hub_tokenizer
from ternary.graph import Graph
from ternary.inference.sampling import Sampling
from ternary.models import to_json
from ternary.schema import Config, setting
from ternary.text.tokenizer import Tokenizer

LAYER = {"norm1": "operator_norm", "in": "conv.in_proj", "conv": "conv.conv", "out": "conv.out_proj",
         "q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj", "o": "self_attn.out_proj",
         "q_norm": "self_attn.q_layernorm", "k_norm": "self_attn.k_layernorm",
         "norm2": "ffn_norm", "gate": "feed_forward.w1", "up": "feed_forward.w3", "down": "feed_forward.w2"}
KEPT = ("step", "tokens", "seconds")                      # of a run's state


@dataclass(frozen=True)
class HubConfig(Config):
    """What can be set of a hub folder."""
    license: str = setting("", "license identifier for the model card, such as mit")


@EXPORTS.register("hf")
class Hub(Target):
    """For a model that transformers does not know, the folder is a checkpoint with a card; for one that is an LFM2,
    the files are those of transformers, and the checkpoint is in a folder inside."""
    config_type = HubConfig

    def check(self, graph: Graph) -> None:
        """Every model can be written."""

    def write(self, restored: Restored, graph: Graph, path: Path) -> dict[str, Any]:
        path.mkdir()
        try:
            model, tokenizer = lfm2(graph, self.name), hub_tokenizer(restored.tokenizer, self.name)
        except UsageError:
            model, where, run = None, path, "ternary generate --checkpoint {path}{model}"
        else:
            where, run = path / HUB, "transformers: AutoModelForCausalLM.from_pretrained({string})"
            write_lfm2(model, tokenizer, path)
        state = {name: restored.state[name] for name in KEPT if name in restored.state}
        state["settings"] = public_settings(restored)
        save_model(where, weights={name: p.values for name, p in restored.model.parameters().items()},
                   config=to_json(restored.name, restored.model.config), tokenizer=restored.tokenizer.to_json(),
                   state=state)
        sampling, ends = Sampling(), Tokenizer.EOS
        dump(path / "generation_config.json", {
            "do_sample": True, "temperature": sampling.temperature, "top_k": sampling.top_k, "max_new_tokens": 400,
            "bos_token_id": ends, "eos_token_id": ends, "pad_token_id": Tokenizer.PAD})
        use = USE_LFM2 + USE if model else USE
        (path / "README.md").write_text(card(restored, restored.name, self.config.license, use), encoding="utf-8")
        return {"loads in": "ternary, transformers" if model else "ternary", "run": run}


USE = """```python
import ternary
print(ternary.load("FOLDER").generate("Once upon a time"))
```
"""
USE_LFM2 = """A text begins with the end of the one before, which the tokenizer adds.

```python
from transformers import pipeline
print(pipeline("text-generation", "FOLDER")("Once upon a time")[0]["generated_text"])
```

The folder `ternary` in it is the checkpoint with the weights of training:

"""


def write_lfm2(model: LFM2, tokenizer: dict[str, Any], path: Path) -> None:
    """The files of transformers, for the class Lfm2ForCausalLM."""
    tensors = {"model.embed_tokens.weight": model.embedding, "model.embedding_norm.weight": model.norm}
    for i, layer in enumerate(model.layers):
        for name, x in layer.items():
            values = x.values if isinstance(x, Matrix) else x.T[:, None] if name == "conv" else x
            tensors[f"model.layers.{i}.{LAYER[name]}.weight"] = values
    tensors = {name: np.ascontiguousarray(x, np.float32) for name, x in tensors.items()}
    (path / WEIGHTS).write_bytes(save(tensors, metadata={"format": "pt"}))
    dump(path / CONFIG, {
        "architectures": ["Lfm2ForCausalLM"], "model_type": "lfm2", "dtype": "float32",
        "vocab_size": len(model.embedding), "hidden_size": model.dim, "intermediate_size": model.hidden,
        "block_auto_adjust_ff_dim": False, "num_hidden_layers": len(model.layers),
        "layer_types": ["conv" if "conv" in layer else "full_attention" for layer in model.layers],
        "num_attention_heads": model.heads, "num_key_value_heads": model.kv_heads,
        "max_position_embeddings": CONTEXT, "norm_eps": EPS, "conv_bias": False, "conv_L_cache": model.taps,
        "tie_word_embeddings": True, "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
        "pad_token_id": Tokenizer.PAD, "bos_token_id": Tokenizer.EOS, "eos_token_id": Tokenizer.EOS})
    dump(path / TOKENIZER, tokenizer)
    pad, unk, _, eos = NAMES
    dump(path / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": eos, "eos_token": eos, "pad_token": pad,
        "unk_token": unk, "clean_up_tokenization_spaces": False})


def dump(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False), encoding="utf-8")
