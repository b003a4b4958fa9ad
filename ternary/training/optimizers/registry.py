from ternary.registry import Registry

OPTIMIZERS = Registry("optimizer", "--optimizer", "ternary.training.optimizers")
