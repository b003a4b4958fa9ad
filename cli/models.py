import click

from ternary.cli.common import emit, json_option


@click.command("models", short_help="List the models.")
@json_option
def command(as_json):
    """The models that `ternary train --model` knows: parameters, tokens that a prediction can see, and
    tokens per sequence of the published training."""
    from ternary.machine.heartbeat import heartbeat
    from ternary.models import MODELS
    models = {name: MODELS.get(name) for name in MODELS.names()}
    with heartbeat("counting parameters"):
        rows = [{"name": name, "parameters": model().parameter_count, "context": model.config_type().context or "all",
                 "seq_len": model.seq_len} for name, model in models.items()]
    emit(rows, as_json)
