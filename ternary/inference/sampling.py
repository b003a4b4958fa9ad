from dataclasses import dataclass

from ternary.schema import Config, setting


@dataclass(frozen=True)
class Sampling(Config):
    """How tokens are drawn."""
    temperature: float = setting(0.8, "Logits are divided by it; 0 always takes the most likely token.", at_least=0,
                                 at_most=100)
    top_k: int = setting(50, "Only the k most likely tokens; 0 is off.", at_least=0, at_most=1 << 31)
    top_p: float = setting(1.0, "Only the most likely tokens that make up this probability; 1 is off.", above=0,
                           at_most=1, example=0.95)
    min_p: float = setting(0.0, "Only tokens of at least this share of the highest probability; 0 is off.", at_least=0,
                           at_most=1, example=0.05)
    repetition_penalty: float = setting(1.0, "Makes tokens that occurred less likely; 1 is off.", above=0, at_most=100,
                                        example=1.1)
    frequency_penalty: float = setting(0.0, "Taken from a logit each time its token occurred; 0 is off.", at_least=-100,
                                       at_most=100, example=0.5)
    presence_penalty: float = setting(0.0, "Taken from the logits of tokens that occurred; 0 is off.", at_least=-100,
                                      at_most=100, example=0.5)
    no_repeat_ngram: int = setting(0, "No n tokens come twice in this order; 0 is off.", at_least=0, at_most=1 << 20,
                                   example=3)

    @classmethod
    def label(cls, name: str) -> str:
        return "--" + name.replace("_", "-")
