"""Parsing a story: the choices and draws by which a grammar writes it, and their log-probabilities."""

from ternary.fables.forms import Category
from ternary.fables.nodes import Choice, Draw, Ref


class Parse:
    """Parses one text with backtracking. The grammar is unambiguous, so at most one derivation succeeds."""

    def __init__(self, text: str):
        self.text, self.furthest = text, 0       # the furthest position reached, for the error message
        self.logs: list[float] = []
        self.drawn: list[Draw] = []
        self.bound: dict[str, int] = {}         # var -> entry, from the first unambiguous mention
        self.hints: list[tuple[Ref, str]] = []  # earlier mentions that fit several entries

    def match(self, sequence: tuple, at: int) -> int:
        """The end of `sequence` if it matches at position `at`, else -1."""
        for op in sequence:
            if type(op) is str:
                at = at + len(op) if self.text.startswith(op, at) else -1
            elif type(op) is Choice:
                at = self.match_choice(op, at)
            elif type(op) is Ref:
                at = self.match_ref(op, at)
            else:
                self.drawn.append(op)
            if at < 0:
                return -1
            self.furthest = max(self.furthest, at)
        return at

    def match_choice(self, choice: Choice, at: int) -> int:
        for length in choice.lengths:
            log = choice.texts.get(self.text[at : at + length])
            if log is not None and self.ends_word(at + length):
                self.logs.append(log)
                return at + length
        for option, log in choice.parts:
            state = len(self.logs), len(self.drawn), len(self.hints), dict(self.bound)
            self.logs.append(log)
            end = self.match(option, at)
            if end >= 0 and self.ends_word(end):
                return end
            del self.logs[state[0] :], self.drawn[state[1] :], self.hints[state[2] :]
            self.bound = state[3]
        return -1

    def match_ref(self, ref: Ref, at: int) -> int:
        if ref.var in self.bound:
            text = ref.forms[self.bound[ref.var]]
            return at + len(text) if self.text.startswith(text, at) and self.ends_word(at + len(text)) else -1
        for length in ref.lengths:
            text = self.text[at : at + length]
            entries = ref.where.get(text)
            if entries and self.ends_word(at + length):
                if len(entries) > 1:
                    self.hints.append((ref, text))
                elif any(hint.var == ref.var and hint.forms[entries[0]] != seen for hint, seen in self.hints):
                    return -1
                else:
                    self.bound[ref.var] = entries[0]
                return at + length
        return -1

    def ends_word(self, end: int) -> bool:
        """Whether `end` is not inside a word."""
        return not (self.text[end - 1 : end].isalpha() and self.text[end : end + 1].isalpha())

    def draw_logs(self) -> list[float]:
        """Log-probabilities of the drawn slots, once the whole text has matched."""
        logs: list[float] = []
        taken: dict[Category, list[int]] = {}
        for draw in self.drawn:
            index, others = self.bound[draw.var], taken.setdefault(draw.category, [])
            if index in others:
                shared = draw.category.entries[index][""]
                raise ValueError(f"[fables] two slots of this text are {shared!r}; in a story they differ")
            logs.append(draw.log_prob(index, others))
            others.append(index)
        return logs
