"""A story from a model that `ternary export --to onnx` wrote: the likeliest token each time.

    pip install onnxruntime regex
    python examples/run_onnx.py bolt-small.onnx "Once upon a time"

It needs onnxruntime, regex and NumPy, not ternary: the tokenizer is in the file.
"""
import argparse
import codecs
import json

import numpy as np
import onnxruntime as ort
import regex as re  # to its \w belong the marks of Hindi and other scripts

FORMAT = "ternary-tokenizer-1"
CHUNK = re.compile(r"\W{0,12}\w{1,32}(?:['’]\w{1,8})?|\W{1,12}")      # a word with the punctuation before it
WORD = re.compile(r" ?\w")
FIRST_BYTE, FIRST_PIECE = 4, 260                                      # ids of the 256 bytes, then of the pieces
DTYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64}


class Tokenizer:
    def __init__(self, content):
        if content["format"] != FORMAT:
            raise SystemExit(f"the tokenizer of this file is {content['format']}; this program knows {FORMAT}")
        self.ids = {piece: i for i, piece in enumerate(content["pieces"], FIRST_PIECE)}
        spelled = [b""] * FIRST_BYTE + [bytes([b]) for b in range(256)] + [p.encode() for p in content["pieces"]]
        self.bytes = spelled + [b""] * (content["vocab_size"] - len(spelled))

    def encode(self, text):
        tokens = []
        for chunk in CHUNK.findall(text):
            word = WORD.search(chunk)
            cut = word.start() if word and chunk not in self.ids else 0
            tokens += self.fewest(chunk[:cut]) + self.fewest(chunk[cut:])
        return tokens

    def fewest(self, text):
        """The fewest tokens that spell a text, the first one as long as can be; unknown characters are UTF-8 bytes."""
        rest = {len(text): []}                    # the tokens of text[i:]
        for i in reversed(range(len(text))):
            cuts = [[self.ids[text[i:j]], *rest[j]] for j in range(len(text), i, -1) if text[i:j] in self.ids]
            spelled = [FIRST_BYTE + byte for byte in text[i].encode()] + rest[i + 1]
            rest[i] = min([*cuts, spelled], key=len)
        return rest[0]


class Model:
    def __init__(self, path):
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1          # products of one row are too small to share
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        about = self.session.get_modelmeta().custom_metadata_map
        self.tokenizer, self.eos = Tokenizer(json.loads(about["tokenizer"])), int(about["eos_token"])
        self.names = json.loads(about["states"])  # of the inputs -> of the outputs
        self.state = {x.name: np.zeros([n if isinstance(n, int) else 0 for n in x.shape], DTYPES[x.type])
                      for x in self.session.get_inputs() if x.name in self.names}

    def step(self, token):
        """Read a token -> the logits of the next one."""
        logits, *new = self.session.run(["logits", *self.names.values()], {"token": np.array([token]), **self.state})
        self.state = dict(zip(self.names, new))
        return logits[0]

    def generate(self, prompt, max_tokens):
        spelled = self.tokenizer.bytes
        silent = [i for i, text in enumerate(spelled) if not text and i != self.eos]
        for token in (self.eos, *self.tokenizer.encode(prompt)):          # a story begins after the end of another
            logits = self.step(token)
        for _ in range(max_tokens):
            logits[silent] = -np.inf
            token = int(logits.argmax())
            if token == self.eos:
                return
            yield spelled[token]
            logits = self.step(token)


def main():
    parser = argparse.ArgumentParser(description="Continue a prompt, greedily.")
    parser.add_argument("model")
    parser.add_argument("prompt", nargs="?", default="")
    parser.add_argument("--max-tokens", type=int, default=400)
    options = parser.parse_args()
    print(options.prompt, end="")
    decoder = codecs.getincrementaldecoder("utf-8")("replace")            # a token may be a part of a character
    for text in Model(options.model).generate(options.prompt, options.max_tokens):
        print(decoder.decode(text), end="", flush=True)
    print(decoder.decode(b"", final=True))


if __name__ == "__main__":
    main()
