from dataclasses import dataclass

from ternary.schema import Config, setting


@dataclass(frozen=True)
class Sampling(Config):
    """How tokens are drawn. The drawing itself is kernels/sample.py."""
    temperature: float = setting(0.8, "Divides the logits; 0 always takes the most likely token.", at_least=0,
                                 at_most=100)
    top_k: int = setting(50, "Sample from the k most likely tokens; 0 is off.", at_least=0, at_most=1 << 31)
    top_p: float = setting(1.0, "Sample from the most likely tokens whose probabilities sum to this; 1 is off.",
                           above=0, at_most=1, example=0.95)
    min_p: float = setting(0.0, "Sample from tokens with at least this share of the highest probability; 0 is off.",
                           at_least=0, at_most=1, example=0.05)
    repetition_penalty: float = setting(1.0, "Divides the logits of tokens in the text so far (multiplies negative "
                                        "ones); 1 is off.", above=0, at_most=100, example=1.1)
    frequency_penalty: float = setting(0.0, "Subtracted from a logit for each occurrence of its token; 0 is off.",
                                       at_least=-100, at_most=100, example=0.5)
    presence_penalty: float = setting(0.0, "Subtracted from the logits of tokens in the text so far; 0 is off.",
                                      at_least=-100, at_most=100, example=0.5)
    no_repeat_ngram: int = setting(0, "Never repeat a sequence of n tokens; 0 is off.", at_least=0, at_most=1 << 20,
                                   example=3)

    @classmethod
    def label(cls, name: str) -> str:
        return "--" + name.replace("_", "-")
