"""Export targets: the formats of other runtimes, one file each. A file here registers its class in EXPORTS."""
from ternary.export.base import EXPORTS, Target

__all__ = ["EXPORTS", "Target"]
