import click

from ternary.cli.common import emit, json_option


@click.command("models", short_help="List the models.")
@json_option
def command(as_json):
    """The models that `ternary train --model` knows: parameters, tokens that a prediction can see, and
    tokens per sequence of the published training."""
    from ternary.models import MODELS
    emit([{"name": name, "parameters": e.model(e.config).parameter_count, "context": e.config.context or "all",
           "seq_len": e.seq_len}
          for name, e in MODELS.items()], as_json)
