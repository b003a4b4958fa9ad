from typing import TYPE_CHECKING, Any

from ternary.report.page import write_report
from ternary.training.callbacks.base import Callback
from ternary.training.logbook import read_log

if TYPE_CHECKING:
    from ternary.training.run import Run


class Report(Callback):
    """report.html, rewritten at each evaluation."""

    def evaluated(self, run: "Run", result: dict[str, Any]) -> None:
        self.close(run)

    def close(self, run: "Run") -> None:
        try:
            write_report(run.folder, read_log(run.folder), run.resume_command)
        except OSError as error:                      # a full disk must not end a run
            run.log.message(f"warning: {run.folder / 'report.html'} cannot be written ({error.strerror})")
