import click

from ternary.cli.common import emit, json_option


@click.command("models", short_help="List the models.")
@json_option
def command(as_json):
    """The models that `ternary train --model` knows.

    Parameters; tokens that a prediction can see; tokens per sequence in training; bytes of the state of a text, and by
    how much it grows with each token; the published score, and what is known of it.
    """
    from ternary.inference.state_size import state_size
    from ternary.machine.heartbeat import heartbeat
    from ternary.models import MODELS
    with heartbeat("counting parameters"):
        rows = []
        for name in MODELS.names():
            model = MODELS.get(name)()
            fixed, growth = state_size(model)
            rows.append({"name": name, "parameters": model.parameter_count, "context": model.config.context or "all",
                         "seq_len": model.seq_len, "state_bytes": fixed, "bytes_per_token": growth,
                         "claim": model.claim or "-", "verdict": model.verdict or "-"})
    emit(rows, as_json)
