"""An unambiguous probabilistic grammar: it writes texts and computes the exact probability of a text.

Markup: `{var}` mentions a slot drawn once per text (`{var.form}` inflected, `{he}` short for `{hero.he}`) and
`{=var}` draws it; `<name>` expands a rule or draws a fresh word of a category (`<name.form>` inflected);
`(a|b)` chooses; `[a]` is optional; ` / ` starts a paragraph. A rule is a list of blocks separated by blank
lines; the lines of a block are its alternatives. A first line `¶` starts a paragraph, `?` makes the block
optional, `¶?` does both; a block `= hero kin` draws slots.

Every probability is a multiple of 1 / SCALE: a choice is one table look-up, and its probability is exact.

Why it is unambiguous: any two alternatives of a choice differ at a character that both certainly have, where the
end of a word counts as a character unlike any letter. So a parser never has two alternatives that both match,
and two derivations never give the same text. tests/test_fables.py proves it over all pairs of alternatives.
"""

import math
from collections.abc import Callable, Iterator

from ternary.fables.forms import Category
from ternary.fables.nodes import SHIFT, Choice, Draw, Ref, rank_counts, to_counts
from ternary.fables.parse import Parse


class Grammar:
    """`rules`: name -> markup; `slots`: var -> category name; `start`: the rule of a whole text."""

    def __init__(
        self, rules: dict[str, str], slots: dict[str, str], categories: dict[str, Category], start: str
    ):
        self.rules, self.slots, self.categories = rules, slots, categories
        self.refs: dict[tuple[str, str], Ref] = {}
        self.draws: dict[str, Draw] = {}
        self.nodes: dict[str, object] = {}
        self.root: tuple = self._rule(start)
        for ref in self.refs.values():
            if ref.var in self.draws:
                for row, text in zip(self.draws[ref.var].rows, ref.forms):
                    row[ref] = text
        self.max_draws = _max_draws(self.root, {})

    # ---- markup -> nodes

    def _rule(self, name: str) -> tuple:
        if name not in self.nodes:
            self.nodes[name] = None             # so that a recursive rule is noticed
            rest: tuple = ()
            blocks = self.rules[name].strip("\n").split("\n\n")
            for i, block in reversed(list(enumerate(blocks))):
                lines = block.split("\n")
                marks = ""
                if lines[0].startswith("="):
                    rest = tuple(self._draw(var) for var in lines[0][1:].split()) + rest
                    continue
                if set(lines[0]) <= {"¶", "?"}:
                    marks, lines = lines[0], lines[1:]
                first = all(b.startswith("=") for b in blocks[:i])
                gap = () if first else ("\n" if "¶" in marks else " ",)
                item = (*gap, self._choice([self._sequence(line) for line in lines]))
                rest = (self._choice([item + rest, rest]),) if "?" in marks else item + rest
            self.nodes[name] = rest
        if self.nodes[name] is None:
            raise ValueError(f"[fables] rule {name} is recursive; let it refer to other rules only")
        return self.nodes[name]

    def _choice(self, options: list[tuple]):
        if len(options) == 1 and len(options[0]) == 1:
            return options[0][0]
        return Choice(options, to_counts([1] * len(options)))

    def _draw(self, var: str) -> Draw:
        if var not in self.draws:
            self.draws[var] = Draw(var, self.categories[self.slots[var]])
        return self.draws[var]

    def _sequence(self, markup: str) -> tuple:
        sequence, rest = self._parse(markup.replace(" / ", "\n"), 0, "")
        if rest < len(markup.replace(" / ", "\n")):
            raise ValueError(f"[fables] unbalanced markup: {markup!r}; close every bracket once")
        return sequence

    def _parse(self, s: str, i: int, stop: str) -> tuple[tuple, int]:
        """Nodes of s[i:] up to the first character of `stop`, and where that is."""
        out: list = []
        while i < len(s) and s[i] not in stop:
            if s[i] == "{" or s[i] == "<":
                end = s.index("}" if s[i] == "{" else ">", i)
                out.extend(self._slot(s[i + 1 : end]) if s[i] == "{" else self._fresh(s[i + 1 : end]))
                i = end + 1
            elif s[i] == "(":
                options = []
                while s[i] != ")":
                    option, i = self._parse(s, i + 1, "|)")
                    options.append(option)
                out.append(self._choice(options))
                i += 1
            elif s[i] == "[":
                extra, i = self._parse(s, i + 1, "]")
                rest, i = self._parse(s, i + 1, stop)
                out.append(self._choice([extra + rest, rest]))
            else:
                end = i
                while end < len(s) and s[end] not in "{<([" and s[end] not in stop:
                    end += 1
                out.append(s[i:end])
                i = end
        return tuple(out), i

    def _slot(self, name: str) -> list:
        if name.startswith("="):
            return [self._draw(name[1:])]
        var, _, form = name.partition(".")
        if var not in self.slots:               # {he}, {^his}: the hero's
            var, form = "hero", var
        if (var, form) not in self.refs:
            self.refs[var, form] = Ref(var, form, self.categories[self.slots[var]])
        return [self.refs[var, form]]

    def _fresh(self, name: str):
        if name in self.rules:
            return self._rule(name)
        if name not in self.nodes:
            word, _, form = name.partition(".")
            texts = self.categories[word].texts(form)
            self.nodes[name] = (Choice([(text,) for text in texts], rank_counts(len(texts))),)
        return self.nodes[name]

    # ---- nodes -> text

    def write(self, numbers: Iterator[int]) -> str:
        """The text that `numbers`, random 16-bit integers, select."""
        out: list[str] = []
        _write(self.root, {}, numbers, out.append)
        return "".join(out)

    def trace(self, numbers: Iterator[int]) -> tuple[str, float]:
        """(text, log-probability) of what `write` writes, summed over the choices made while writing."""
        out: list[str] = []
        logs: list[float] = []
        _trace(self.root, {}, numbers, out, logs)
        return "".join(out), math.fsum(logs)

    # ---- text -> log-probability

    def log_prob(self, text: str) -> float:
        """log P(text), its end included. ValueError for a text that the grammar cannot write."""
        parse = Parse(text)
        if parse.match(self.root, 0) != len(text):
            near = text[max(parse.furthest - 30, 0) : parse.furthest + 30]
            raise ValueError(f"[fables] the grammar cannot write this text near {near!r}; pass a story")
        return math.fsum(parse.logs + parse.draw_logs())


def _write(sequence: tuple, memory: dict, numbers: Iterator[int], emit: Callable[[str], None]) -> None:
    for op in sequence:
        kind = type(op)
        if kind is str:
            emit(op)
        elif kind is Choice:
            option = op.table[next(numbers) >> SHIFT]
            if type(option) is str:
                emit(option)
            else:
                _write(option, memory, numbers, emit)
        elif kind is Ref:
            emit(memory[op])
        else:
            taken = memory.setdefault(op.category, [])
            index = op.next_free(op.table[next(numbers) >> SHIFT], taken)
            taken.append(index)
            memory.update(op.rows[index])


def _trace(sequence: tuple, memory: dict, numbers: Iterator[int], out: list, logs: list) -> None:
    for op in sequence:
        if type(op) is str:
            out.append(op)
        elif type(op) is Ref:
            out.append(memory[op])
        elif type(op) is Choice:
            at, picked = next(numbers) >> SHIFT, 0
            while at >= op.counts[picked]:
                at -= op.counts[picked]
                picked += 1
            logs.append(op.logs[picked])
            option = op.options[picked]
            _trace((option,) if type(option) is str else option, memory, numbers, out, logs)
        else:
            taken = memory.setdefault(op.category, [])
            index = op.next_free(op.table[next(numbers) >> SHIFT], taken)
            logs.append(op.log_prob(index, taken))
            taken.append(index)
            memory.update(op.rows[index])


def _max_draws(sequence: tuple, known: dict[int, int]) -> int:
    """The most random numbers that a sequence can use."""
    total = 0
    for op in sequence:
        if type(op) is Draw:
            total += 1
        elif type(op) is Choice:
            if id(op) not in known:
                known[id(op)] = 1 + max(_max_draws(o, known) if type(o) is tuple else 0 for o in op.options)
            total += known[id(op)]
    return total
