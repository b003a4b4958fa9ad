"""Speed of generation in llama.cpp, through llama-cpp-python's bindings of its C functions.

    python benchmarks/peers/decode_llama.py --model FILE.gguf --threads 1 --tokens 256 --prompt 1024 --json

One story with top-k 50 and temperature 0.8, and one prompt, by llama_decode and llama.cpp's own samplers: only a loop
of three calls for each token is Python.
"""
import argparse
import json
import time

import llama_cpp as L

REPEATS = 5


def decode(context: object, ids: list[int]) -> None:
    tokens = (L.llama_token * len(ids))(*ids)
    if L.llama_decode(context, L.llama_batch_get_one(tokens, len(ids))) != 0:
        raise SystemExit("llama_decode failed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a GGUF file")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--prompt", type=int, default=1024)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    room = max(given.tokens, given.prompt) + 32
    llama = L.Llama(given.model, n_ctx=room, n_batch=room, n_ubatch=room, n_threads=given.threads,
                    n_threads_batch=given.threads, verbose=False)
    context = llama.ctx
    chain = L.llama_sampler_chain_init(L.llama_sampler_chain_default_params())
    for sampler in (L.llama_sampler_init_top_k(50), L.llama_sampler_init_temp(0.8), L.llama_sampler_init_dist(1)):
        L.llama_sampler_chain_add(chain, sampler)
    memory = L.llama_get_memory(context)
    story, prompt = [], []
    for _ in range(REPEATS + 1):
        L.llama_memory_clear(memory, True)
        decode(context, [1])
        start = time.perf_counter()
        for _ in range(given.tokens):
            decode(context, [L.llama_sampler_sample(chain, context, -1)])
        story.append(time.perf_counter() - start)
        L.llama_memory_clear(memory, True)
        start = time.perf_counter()
        decode(context, [5 + k % 1000 for k in range(given.prompt)])
        prompt.append(time.perf_counter() - start)
    result = {"peer": f"llama-cpp-python {L.__version__}", "threads": given.threads,
              "tokens_per_second": given.tokens / min(story), "prompt_tokens_per_second": given.prompt / min(prompt)}
    print(json.dumps(result) if given.json else result)


if __name__ == "__main__":
    main()
