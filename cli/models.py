import click

from ternary.cli.common import emit, json_option


@click.command("models", short_help="List the models.")
@json_option
def command(as_json):
    """The models that `ternary train --model` knows: parameters, and tokens that a prediction can see."""
    from ternary.models import MODELS
    emit([{"name": name, "parameters": e.model(e.config).parameter_count, "context": e.config.context}
          for name, e in MODELS.items()], as_json)
