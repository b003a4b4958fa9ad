from collections.abc import Iterator

import numpy as np

from ternary.autograd.tape import Tensor
from ternary.kernels.gemm.pack import pad_to_tile


class Parameter(Tensor):
    """An array that is trained, by its first values. The optimizer owns `data` and `grad` once it has the parameter.

    Kernels know whole lines of 32 channels only. So `data` has zeros behind the channels, which have no gradient and
    stay zeros; `shape` and `values` are those without. matrix: a linear map between channels, which Muon may train.
    """

    def __init__(self, values: np.ndarray, matrix: bool = False):
        super().__init__(pad_to_tile(values, (0, 1) if matrix else (-1,)))
        self.grad, self.shape, self.matrix = np.zeros_like(self.data), values.shape, matrix

    @property
    def values(self) -> np.ndarray:
        """A view of what counts of `data`."""
        return inside(self.data, self.shape)


def inside(a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A view of the first elements of `a` along every axis."""
    return a[tuple(slice(n) for n in shape)]


class Module:
    """A tree of modules and parameters, held as attributes or in lists."""

    def children(self) -> Iterator[tuple[str, "Module | Parameter"]]:
        for name, value in vars(self).items():
            members = enumerate(value) if isinstance(value, list) else [("", value)]
            for k, member in members:
                if isinstance(member, Module | Parameter):
                    yield f"{name}.{k}" if isinstance(value, list) else name, member

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        """This one and all below, with names like "blocks.0.mixer.up"."""
        yield prefix, self
        for name, child in self.children():
            if isinstance(child, Module):
                yield from child.named_modules(f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator["Module"]:
        return (module for _, module in self.named_modules())

    def parameters(self) -> dict[str, Parameter]:
        """Names like "blocks.0.mixer.up.weight" -> parameters, in order of their making."""
        found = {}
        for name, child in self.children():
            if isinstance(child, Parameter):
                found[name] = child
            else:
                found.update({f"{name}.{below}": p for below, p in child.parameters().items()})
        return found

    def pack(self) -> None:
        """Make ready for whole batches, under a tape, after every change of the parameters."""
        for m in self.modules():
            m.pack_own()

    def pack_own(self) -> None:
        """What this module itself has to do for pack()."""

    def freeze(self) -> None:
        """Make ready for step(), after every change of the parameters."""
        for m in self.modules():
            m.freeze_own()

    def freeze_own(self) -> None:
        """What this module itself has to do for freeze()."""
