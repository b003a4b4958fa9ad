"""Stop strings, in text that comes piece by piece."""
from collections.abc import Iterable


class StopStrings:
    """Lets text through until one of the strings is complete; what may be the beginning of one waits."""

    def __init__(self, strings: Iterable[str]):
        self.strings, self.held, self.found = [s for s in strings if s], "", False

    def feed(self, piece: str) -> str:
        """-> what is known to come before a stop string"""
        text = self.held + piece
        places = [text.find(s) for s in self.strings if s in text]
        if places:
            self.held, self.found = "", True
            return text[:min(places)]
        kept = max((n for s in self.strings for n in range(1, len(s)) if text.endswith(s[:n])), default=0)
        self.held = text[len(text) - kept:]
        return text[:len(text) - kept]

    def finish(self) -> str:
        """What waited: the text is at its end."""
        rest, self.held = self.held, ""
        return rest
