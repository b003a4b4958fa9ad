"""Where else a run is logged to: TensorBoard files, trackio, Weights & Biases. Extras, imported when asked for."""
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from ternary.errors import UsageError
from ternary.registry import Registry

Sink = Callable[[int, dict[str, float]], None]               # step, numbers by name

PACKAGES = {"tensorboard": "tensorboardX", "trackio": "trackio", "wandb": "wandb"}

# functions of the run's folder and its settings that return a sink
LOGGERS = Registry("logger", "--log", "ternary.training.loggers")


@LOGGERS.register("tensorboard")
def tensorboard(folder: Path, settings: dict[str, Any]) -> Sink:
    writer = installed("tensorboard").SummaryWriter(str(folder / "tensorboard"))

    def write(step: int, numbers: dict[str, float]) -> None:
        for name, value in numbers.items():
            writer.add_scalar(name, value, step)
        writer.flush()
    return write


@LOGGERS.register("trackio")
def trackio(folder: Path, settings: dict[str, Any]) -> Sink:
    return tracked(installed("trackio"), folder, settings)


@LOGGERS.register("wandb")
def wandb(folder: Path, settings: dict[str, Any]) -> Sink:
    return tracked(installed("wandb"), folder, settings)


def tracked(package: Any, folder: Path, settings: dict[str, Any]) -> Sink:
    """trackio and wandb have the same functions."""
    package.init(project="ternary", name=folder.name, config=settings)
    return lambda step, numbers: package.log(numbers, step=step)


def installed(logger: str) -> ModuleType:
    package = PACKAGES[logger]
    try:
        return import_module(package)
    except ImportError:
        raise UsageError(f"--log {logger}: it needs {package}; pip install {package}") from None


def names_of(names: str | None) -> list[str]:
    return list(filter(None, (names or "").split(",")))


def check_loggers(names: str | None) -> None:
    """Of a list such as "tensorboard,wandb": UsageError for an unknown one, or one that is not installed."""
    for name in names_of(names):
        LOGGERS.get(name)
        if name in PACKAGES:
            installed(name)


def open_sinks(names: str | None, folder: Path, settings: dict[str, Any], tell: Callable[[str], None]) -> list[Sink]:
    """Those of a list. One that fails, perhaps for the network, is told of and left out."""
    sinks = []
    for name in names_of(names):
        try:
            sinks.append(LOGGERS.get(name)(folder, settings))
        except Exception as error:
            tell(f"warning: --log {name} failed ({error}); the run goes on without it")
    return sinks
