"""What happens around the steps of a run, one file each: progress, recovery, saving, evaluation, report."""
from ternary.training.callbacks.base import Callback
from ternary.training.callbacks.evaluation import Evaluation
from ternary.training.callbacks.progress import Progress
from ternary.training.callbacks.recovery import Recovery
from ternary.training.callbacks.report import Report
from ternary.training.callbacks.saving import Saving

__all__ = ["Callback", "Evaluation", "Progress", "Recovery", "Report", "Saving", "standard"]


def standard() -> list[Callback]:
    """Those of every run, in the order in which they are called."""
    return [Recovery(), Progress(), Saving(), Evaluation(), Report()]
