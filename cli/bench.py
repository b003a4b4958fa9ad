import sys

import click

from ternary.cli.common import Number, UserPath, emit, json_option, listed, positive_float, positive_int
from ternary.config import TrainConfig
from ternary.machine.heartbeat import heartbeat
from ternary.schema import Rule, rule_of

threads_option = click.option("--threads", type=positive_int(2), help="[default: all usable cores]")


class Bench(click.Group):
    """Without the name of a benchmark it is `train`."""

    def parse_args(self, ctx, args):
        named = args and (not args[0].startswith("-") or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else ["train", *args])


@click.group("bench", cls=Bench, short_help="Measure speed on this machine.")
def command():
    """Measure speed on this machine: whole training steps, unless another benchmark is named."""


@command.command("train", short_help="Whole training steps, also against PyTorch or JAX.")
@click.option("--model", default="bolt-small", show_default=True, help="See `ternary models`.")
@click.option("--batch", "batch_size", type=positive_int(32),
              help="Sequences per step. [default: the fastest of 8, 16, 32, 64]")
@click.option("--seq-len", type=positive_int(256), default=256, show_default=True,
              help="Tokens per sequence.")
@click.option("--seconds", type=positive_float(10), help="Seconds per measurement. [default: 10, with a peer 20]")
@click.option("--precision", type=click.Choice(["auto", "int8", "bf16", "fp32"]), default="auto", show_default=True)
@click.option("--peer", type=click.Choice(["torch", "jax"]),
              help="Take turns with the same model in PyTorch or JAX, at its fastest.")
@click.option("--peer-python", default=sys.executable,
              help="A Python that has the peer, torch or jax. [default: this one]")
@click.option("--busy", type=Number(int, Rule(at_least=0, example=1)), default=0, show_default=True, metavar="N",
              help="Measure again beside N processes that each keep a core busy.")
@click.option("--vocab-sampling", "--head-noise", "vocab_sampling", default=TrainConfig.vocab_sampling,
              show_default=True, type=Number(float, rule_of(TrainConfig, "vocab_sampling")),
              help="As in `ternary train`; 0 for all products of the head.")
@click.option("--optimizer", default="adamw", show_default=True,
              help="Optimizer; the peer always uses AdamW.")
@click.option("--profile", is_flag=True, help="Also the time of each kernel.")
@threads_option
@json_option
def train(threads, as_json, **given):
    """Tokens per second of training steps on synthetic tokens, and the share of the kernels' peak."""
    from ternary.machine.threads import set_threads
    set_threads(threads)
    from ternary.bench.train import bench_train
    with heartbeat("measuring training steps"):
        result = bench_train(**given)
    show(result, as_json)


@command.command("decode", short_help="Generation, and what limits it.")
@click.option("--checkpoint", type=UserPath(), help="A run folder (its best step) or a step folder.")
@click.option("--model", help="A new model by name, see `ternary models`. [default: bolt-small]")
@click.option("--tokens", type=positive_int(256), default=256, show_default=True, help="Per sequence.")
@click.option("--approximate", is_flag=True, help="As in `ternary generate`.")
@click.option("--peer", type=click.Choice(["llama"]), help="Take turns with llama.cpp, on one thread and on all.")
@click.option("--peer-model", type=UserPath(), help="What llama.cpp runs: a GGUF file, see `ternary export --to gguf`.")
@click.option("--peer-python", default=sys.executable, help="A Python that has llama_cpp. [default: this one]")
@json_option
def decode(peer, as_json, **given):
    """Tokens per second of generation, on one thread: one story, many at once, and a prompt."""
    from ternary.errors import UsageError
    if bool(peer) != bool(given["peer_model"]):
        raise UsageError("--peer llama and --peer-model FILE.gguf go together; give both or none")
    from ternary.bench.decode import bench_decode
    with heartbeat("measuring generation"):
        result = bench_decode(**given)
    show(result, as_json)


@command.command("kernels", short_help="Kernels alone, also against NumPy and PyTorch.")
@click.option("--seconds", type=positive_float(0.3), default=0.3, show_default=True,
              help="Seconds per measurement.")
@click.option("--peer", type=click.Choice(["torch"]), help="Also the matrix products of PyTorch.")
@click.option("--peer-python", default=sys.executable, help="A Python that has torch. [default: this one]")
@threads_option
@json_option
def kernels(threads, as_json, **given):
    """GFLOP/s of the matrix products of bolt-small, GB/s of the other kernels."""
    from ternary.machine.threads import set_threads
    set_threads(threads)
    from ternary.bench.kernels import bench_kernels
    with heartbeat("measuring kernels"):
        result = bench_kernels(**given)
    emit(result, as_json)


@command.command("tokenizer", short_help="Learning and encoding.")
@click.option("--data", multiple=True, callback=listed, default=("fables",), show_default=True,
              help="tinystories, a hub data set, a file or folder, - or fables.")
@click.option("--field", help="The column of the text, in jsonl, parquet and hub data.")
@click.option("--megabytes", type=positive_float(10), default=10.0, show_default=True,
              help="Use only the first so many megabytes.")
@click.option("--vocab", "vocab_size", type=positive_int(10000), default=10000, show_default=True)
@threads_option
@json_option
def tokenizer(threads, as_json, **given):
    """MB/s of the tokenizer, and how few tokens it needs; it runs on one thread."""
    from ternary.machine.threads import set_threads
    set_threads(threads)
    from ternary.bench.tokenizer import bench_tokenizer
    with heartbeat("measuring the tokenizer"):
        result = bench_tokenizer(**given)
    show(result, as_json)


def show(result: dict, as_json: bool) -> None:
    """emit(), but for people lists of rows become tables below, and inner values get long names."""
    if as_json:
        emit(result, True)
        return
    lines, tables = {}, []
    for name, value in result.items():
        if isinstance(value, dict):
            lines.update({f"{name}.{inner}": v for inner, v in value.items()})
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            tables.append(value)
        else:
            lines[name] = value
    lines = {k: "  ".join(f"{x:,.0f}" for x in v) if isinstance(v, list) else v for k, v in lines.items()}
    emit(lines, False)
    for rows in tables:
        click.echo()
        emit(rows, False)
