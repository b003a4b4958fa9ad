from typing import TYPE_CHECKING, Any

from ternary.report.page import write_report
from ternary.training.callbacks.base import Callback

if TYPE_CHECKING:
    from ternary.training.run import Run


class Report(Callback):
    """report.html, rewritten at each evaluation."""

    def evaluated(self, run: "Run", result: dict[str, Any]) -> None:
        self.close(run)

    def close(self, run: "Run") -> None:
        try:
            write_report(run.folder, run.log.entries(), run.resume_command)
        except Exception as error:                # a page must not end a run, whatever is wrong with it
            why = getattr(error, "strerror", None) or error
            run.log.message(f"warning: {run.folder / 'report.html'} cannot be written ({why})")
