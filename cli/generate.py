import time

import click

from ternary.cli.common import Number, config_options, emit, json_option, model_option, positive_int
from ternary.config import TrainConfig
from ternary.inference.sampling import Sampling
from ternary.schema import Rule


@click.command("generate", short_help="Continue a prompt.")
@click.argument("prompt", default="")
@click.option("--checkpoint", default=TrainConfig.save_dir, show_default=True,
              help="A run (its best step) or a step folder.")
@model_option
@click.option("--max-tokens", type=positive_int(400), default=400, show_default=True)
@config_options(Sampling)
@click.option("--seed", type=Number(int, Rule(at_least=0, example=0)), default=0, show_default=True)
@click.option("--threads", type=positive_int(2), help="[default: all usable cores]")
@click.option("--no-stream", is_flag=True, help="Print the text when it is complete.")
@json_option
def command(prompt, checkpoint, model, max_tokens, seed, threads, no_stream, as_json, **sampling):
    """Continue PROMPT (or begin a story) until the story ends or --max-tokens."""
    from ternary.machine.threads import set_threads
    set_threads(threads)
    from ternary.checkpoint.load import restore
    from ternary.inference.generation import Engine
    sampling = Sampling(**{name: value for name, value in sampling.items() if value is not None})
    prompt = prompt.encode("utf-16", "surrogatepass").decode("utf-16", "replace")    # an argument may be no text
    restored = restore(checkpoint, model=model)
    engine = Engine(restored.model, restored.tokenizer)
    if not (no_stream or as_json):
        click.echo(prompt, nl=False)
        for piece in engine.stream(prompt, max_tokens, sampling, seed):
            click.echo(piece, nl=False)
        click.echo()
        return
    start = time.perf_counter()
    tokens = list(engine.tokens(prompt, max_tokens, sampling, seed))
    seconds = time.perf_counter() - start
    text = prompt + restored.tokenizer.decode(tokens)
    if as_json:
        emit({"text": text, "tokens": len(tokens), "seconds": seconds,
              "tokens_per_second": len(tokens) / seconds}, True)
    else:
        click.echo(text)
