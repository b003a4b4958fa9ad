"""Where else a run is logged to: TensorBoard files, trackio, Weights & Biases. Extras, imported when asked for."""
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from ternary.errors import UsageError

Sink = Callable[[int, dict[str, float]], None]               # step, numbers by name
PACKAGES = {"tensorboard": "tensorboardX", "trackio": "trackio", "wandb": "wandb"}


def tensorboard(package, folder: Path, settings: dict) -> Sink:
    writer = package.SummaryWriter(str(folder / "tensorboard"))

    def write(step: int, numbers: dict[str, float]) -> None:
        for name, value in numbers.items():
            writer.add_scalar(name, value, step)
        writer.flush()
    return write


def tracker(package, folder: Path, settings: dict) -> Sink:
    """trackio and wandb have the same functions."""
    package.init(project="ternary", name=folder.name, config=settings)
    return lambda step, numbers: package.log(numbers, step=step)


def open_sinks(names: str | None, folder: Path, settings: dict) -> list[Sink]:
    """Those of a list such as "tensorboard,wandb". UsageError for an unknown one, or one that is not installed."""
    sinks = []
    for name in filter(None, (names or "").split(",")):
        if name not in PACKAGES:
            raise UsageError(f"--log names {name!r}; use some of {', '.join(PACKAGES)}, separated by commas")
        try:
            package = import_module(PACKAGES[name])
        except ImportError:
            raise UsageError(f"--log {name} needs {PACKAGES[name]}; pip install {PACKAGES[name]}") from None
        sinks.append((tensorboard if name == "tensorboard" else tracker)(package, folder, settings))
    return sinks
