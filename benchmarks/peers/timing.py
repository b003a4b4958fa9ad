"""What the programs that time training steps share: the command line, the names of modes, and the clock."""

import argparse
import json
import time
from collections.abc import Callable, Collection

Step = Callable[[], float]  # makes one update, waits for it -> the loss


def main(
    framework: str,
    models: Collection[str],
    stages: list[list[str]],
    prepare: Callable[[str, list[str], int, int, int], Step],
) -> None:
    """The program. framework: name and version; prepare(model, words of the mode, batch, seq_len, threads) -> a step.

    A mode is a precision, from the first stage, and options from the others, with "-" between: bf16-compile-cpp.
    The options of a stage make sense after one of each stage before it.
    """

    def mode(text: str) -> str:
        precision, *options = text.split("-")
        if precision not in stages[0] or not {*options} <= {option for stage in stages[1:] for option in stage}:
            raise argparse.ArgumentTypeError(f"{text!r}; stages of modes are {json.dumps(stages)}")
        return text

    parser = argparse.ArgumentParser(description=f"Training speed of a model in {framework}.")
    parser.add_argument("--model", choices=models, default="bolt-small")
    parser.add_argument("--mode", type=mode, default="fp32", help="precision and options: fp32, bf16-compile, ...")
    parser.add_argument("--list-modes", action="store_true", help="print the precisions, then each stage of options")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seq-len", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.list_modes:
        print(json.dumps(stages))
        return
    start = time.perf_counter()
    step = prepare(args.model, args.mode.split("-"), args.batch, args.seq_len, args.threads)
    for _ in range(3):
        step()
    compiled = time.perf_counter() - start
    times = [timed(step)]
    while sum(times) < args.seconds:
        times.append(timed(step))
    tokens = args.batch * args.seq_len
    result = {
        "model": args.model,
        "peer": framework,
        "mode": args.mode,
        "threads": args.threads,
        "batch_size": args.batch,
        "seq_len": args.seq_len,
        "steps": len(times),
        "warm_up_seconds": compiled,
        "tokens_per_second": tokens * len(times) / sum(times),
        "best_tokens_per_second": tokens / min(times),
    }
    if args.json:
        print(json.dumps(result))
    else:
        print(
            f"{args.model}, {framework} {args.mode}, batch {args.batch} x {args.seq_len}, {args.threads} threads: "
            f"{result['tokens_per_second']:,.0f} tokens/s mean, {result['best_tokens_per_second']:,.0f} best, "
            f"{compiled:.0f} s to compile and warm up"
        )


def timed(step: Step) -> float:
    """Seconds of one step."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start
