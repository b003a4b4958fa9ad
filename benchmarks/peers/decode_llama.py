"""Speed of generation in llama.cpp, through llama-cpp-python's bindings of its C functions.

    python benchmarks/peers/decode_llama.py --model FILE.gguf --threads 1 --tokens 256 --prompt 1024 --json

One story with top-k 50 and temperature 0.8, and one prompt, by llama_decode and llama.cpp's own samplers: only a loop
of three calls for each token is Python. Each is measured with and without the extra buffers, in which llama.cpp packs
weights for the CPU, in a process of its own, as some of them crash; the faster form counts.
"""
import argparse
import json
import subprocess
import sys
import time

import llama_cpp as L

REPEATS = 5
FORMS = [(what, buffers) for what in ("story", "prompt") for buffers in ("extra", "plain")]


def decode(context: object, ids: list[int]) -> None:
    tokens = (L.llama_token * len(ids))(*ids)
    if L.llama_decode(context, L.llama_batch_get_one(tokens, len(ids))) != 0:
        raise SystemExit("llama_decode failed")


def measure(given: argparse.Namespace) -> float:
    """Tokens per second of the fastest run of one form."""
    L.llama_backend_init()
    how = L.llama_model_default_params()
    how.use_extra_bufts = given.buffers == "extra"
    model = L.llama_model_load_from_file(given.model.encode(), how)
    params = L.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = max(given.tokens, given.prompt) + 32
    params.n_threads = params.n_threads_batch = given.threads
    context = L.llama_init_from_model(model, params)
    chain = L.llama_sampler_chain_init(L.llama_sampler_chain_default_params())
    for sampler in (L.llama_sampler_init_top_k(50), L.llama_sampler_init_temp(0.8), L.llama_sampler_init_dist(1)):
        L.llama_sampler_chain_add(chain, sampler)
    seconds = []
    for _ in range(REPEATS + 1):
        L.llama_memory_clear(L.llama_get_memory(context), True)
        if given.measure == "story":
            decode(context, [3])
        start = time.perf_counter()
        if given.measure == "prompt":
            decode(context, [300 + k % 1000 for k in range(given.prompt)])
        else:
            for _ in range(given.tokens):
                decode(context, [L.llama_sampler_sample(chain, context, -1)])
        seconds.append(time.perf_counter() - start)
    return (given.prompt if given.measure == "prompt" else given.tokens) / min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a GGUF file")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--prompt", type=int, default=1024)
    parser.add_argument("--measure", choices=["story", "prompt"], help="one form only, and print its speed")
    parser.add_argument("--buffers", choices=["extra", "plain"], default="extra")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.measure:
        print(measure(given))
        return
    speeds = {}
    for what, buffers in FORMS:
        done = subprocess.run([sys.executable, *sys.argv, "--measure", what, "--buffers", buffers], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if done.returncode == 0:
            speeds[what, buffers] = float(done.stdout.split()[-1])
    best = {what: max(speed for (kind, _), speed in speeds.items() if kind == what) for what in ("story", "prompt")}
    result = {"peer": f"llama-cpp-python {L.__version__}", "threads": given.threads,
              "forms": {f"{what}, {buffers} buffers": speeds.get((what, buffers)) for what, buffers in FORMS},
              "tokens_per_second": best["story"], "prompt_tokens_per_second": best["prompt"]}
    print(json.dumps(result) if given.json else result)


if __name__ == "__main__":
    main()
