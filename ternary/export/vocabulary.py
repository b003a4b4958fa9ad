"""The vocabulary of a tokenizer by the rule "unigram", as other runtimes know it: names and scores of all ids."""
from ternary.errors import UsageError
from ternary.text.tokenizer import SPECIALS, Tokenizer
from ternary.text.unigram import UNKNOWN, costs_of

NAMES = ("<|pad|>", "<|unk|>", "<|bos|>", "<|endoftext|>")        # ids 0 to 3; EOS also begins a text
SCALE = 1e4                       # of costs to scores; plamo2 multiplies them by as much again
# Hugging Face gives unknown characters the least score less 10
NEVER = 10 - UNKNOWN / SCALE


def vocabulary(tokenizer: Tokenizer, target: str) -> list[tuple[str, float]]:
    """-> the name and the score of each id; UsageError for a tokenizer of another rule"""
    if tokenizer.rule != "unigram":
        raise UsageError(f"the tokenizer: its rule is {tokenizer.rule!r}; {target} can express 'unigram', the rule of "
                         "new runs with --model bolt-lfm")
    found = [(name, NEVER) for name in (*NAMES, *(f"<0x{byte:02X}>" for byte in range(256)))]
    found += [(piece, -cost / SCALE) for piece, cost in zip(tokenizer.pieces, costs_of(tokenizer.pieces))]
    return found + [(f"<unused{id}>", NEVER) for id in range(len(found), tokenizer.vocab_size)]


def hub_tokenizer(tokenizer: Tokenizer, target: str) -> dict:
    """The tokenizer.json of Hugging Face `tokenizers`; a text begins with EOS, as stories do in training."""
    special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    eos = NAMES[Tokenizer.EOS]
    first = {"SpecialToken": {"id": eos, "type_id": 0}}
    text, second = ({"Sequence": {"id": id, "type_id": 0}} for id in "AB")
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": id, "content": NAMES[id], **special} for id in range(SPECIALS)],
        "normalizer": None, "pre_tokenizer": None,
        "post_processor": {"type": "TemplateProcessing", "single": [first, text], "pair": [first, text, first, second],
                           "special_tokens": {eos: {"id": eos, "ids": [Tokenizer.EOS], "tokens": [eos]}}},
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {"type": "Unigram", "unk_id": Tokenizer.UNK, "byte_fallback": True,
                  "vocab": [list(entry) for entry in vocabulary(tokenizer, target)]}}
