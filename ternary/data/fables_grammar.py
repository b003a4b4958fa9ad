"""A probabilistic grammar in which every text has exactly one derivation: it writes texts and knows their probability.

Markup: `{var}` mentions a slot drawn once per story (`{var.form}` inflected, `{he}` short for `{hero.he}`), `{=var}`
draws it, `<name>` draws a fresh word of a category (`<name.form>`) or expands a rule, `(a|b)` chooses, `[a]` may be
left out. A rule is a list of blocks divided by blank lines; the lines of a block are its alternatives. A block may
open with a line of marks: `¶` starts a paragraph, `?` makes the block optional; `= hero kin` draws slots.

Every probability is a whole number of `SCALE`-ths, so a choice is one table look-up and its logarithm is exact.

Why one derivation: the alternatives of every choice differ at a character that both certainly have, where the end
of a word counts as a character unlike any letter (tests/test_fables.py walks all pairs). The parser therefore
never has two ways on, and two different derivations never give the same text.
"""

import math
from collections.abc import Iterator

from ternary.data.fables_forms import Category

SCALE = 4096                                    # 12 of the 16 bits of a random number
SHIFT = 4
FLATTEN = 60                                    # weight of the word of rank r: 1 / (r + FLATTEN)


def shares(weights: list[int]) -> list[int]:
    """Whole numbers >= 1 that sum to SCALE, near-proportional to `weights`."""
    free, total = SCALE - len(weights), sum(weights)
    counts = [1 + free * w // total for w in weights]
    for i in range(SCALE - sum(counts)):        # what rounding left goes to the first
        counts[i % len(counts)] += 1
    return counts


def ranked(n: int) -> list[int]:
    return shares([10**9 // (rank + FLATTEN) for rank in range(n)])


class Ref(str):
    """The mention of a slot in a form: the key "var.form" of the written story's memory."""

    __slots__ = ("category", "form", "forms", "lengths", "var", "where")

    def __new__(cls, var: str, form: str, category: Category):
        ref = super().__new__(cls, f"{var}.{form}")
        ref.var, ref.form, ref.category = var, form, category
        ref.forms = category.texts(form)
        ref.where = {text: [i for i, other in enumerate(ref.forms) if other == text] for text in set(ref.forms)}
        ref.lengths = sorted({len(text) for text in ref.forms}, reverse=True)
        return ref


class Draw:
    """Draws the slot `var`; one that is taken already gives way to the next entry of the category."""

    __slots__ = ("category", "counts", "rows", "table", "var")

    def __init__(self, var: str, category: Category):
        self.var, self.category = var, category
        self.counts = ranked(len(category))
        self.table = [i for i, count in enumerate(self.counts) for _ in range(count)]
        self.rows: list[dict[str, str]] = [{} for _ in self.counts]      # what each entry writes into memory

    def settle(self, index: int, taken: list[int]) -> int:
        while index in taken:
            index = (index + 1) % len(self.counts)
        return index

    def log_share(self, index: int, taken: list[int]) -> float:
        """log P(index | taken): its own share and that of the taken entries that give way to it."""
        count = self.counts[index]
        before = (index - 1) % len(self.counts)
        while before in taken:
            count += self.counts[before]
            before = (before - 1) % len(self.counts)
        return math.log(count / SCALE)


class Choice:
    """One of `options`, each a text or a sequence (tuple) of texts, Refs, Draws and Choices."""

    __slots__ = ("counts", "lengths", "logs", "options", "parts", "table", "texts")

    def __init__(self, options: list, counts: list[int]):
        self.options = [o[0] if len(o) == 1 and type(o[0]) is str else o for o in options]
        self.counts = counts
        self.logs = [math.log(count / SCALE) for count in counts]
        self.table = [o for o, count in zip(self.options, counts) for _ in range(count)]
        self.texts = {o: log for o, log in zip(self.options, self.logs) if type(o) is str}
        self.parts = [(o, log) for o, log in zip(self.options, self.logs) if type(o) is tuple]
        self.lengths = sorted({len(text) for text in self.texts}, reverse=True)


class Grammar:
    """`rules`: name -> markup; `slots`: var -> category name. `start` names the rule of a whole text."""

    def __init__(self, rules: dict[str, str], slots: dict[str, str], categories: dict[str, Category], start: str):
        self.rules, self.slots, self.categories = rules, slots, categories
        self.refs: dict[tuple[str, str], Ref] = {}
        self.draws: dict[str, Draw] = {}
        self.nodes: dict[str, object] = {}
        self.root: tuple = self._rule(start)
        for ref in self.refs.values():
            if ref.var in self.draws:
                for row, text in zip(self.draws[ref.var].rows, ref.forms):
                    row[ref] = text
        self.max_draws = _most(self.root, {})

    # ---- markup -> nodes

    def _rule(self, name: str) -> tuple:
        if name not in self.nodes:
            self.nodes[name] = None             # a rule that reaches itself fails on this
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
            raise ValueError(f"[fables] rule {name} reaches itself; make it refer to other rules only")
        return self.nodes[name]

    def _choice(self, options: list[tuple]):
        if len(options) == 1 and len(options[0]) == 1:
            return options[0][0]
        return Choice(options, shares([1] * len(options)))

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
            self.nodes[name] = (Choice([(text,) for text in texts], ranked(len(texts))),)
        return self.nodes[name]

    # ---- nodes -> text

    def write(self, numbers: Iterator[int]) -> str:
        """The text that 16-bit random `numbers` choose."""
        out: list[str] = []
        _write(self.root, {}, numbers, out.append)
        return "".join(out)

    def trace(self, numbers: Iterator[int]) -> tuple[str, float]:
        """(text, log-probability) of what `write` would write, from the choices made while writing."""
        out: list[str] = []
        logs: list[float] = []
        _trace(self.root, {}, numbers, out, logs)
        return "".join(out), math.fsum(logs)

    # ---- text -> log-probability

    def log_prob(self, text: str) -> float:
        """log P(text), its end included. ValueError for a text that the grammar cannot write."""
        parse = _Parse(text)
        end = parse.match(self.root, 0)
        if end != len(text):
            shown = text[max(parse.far - 30, 0) : parse.far + 30]
            raise ValueError(f"[fables] the grammar cannot write this text; it leaves the grammar near {shown!r}")
        return math.fsum(parse.logs + parse.draw_logs())


def _write(sequence: tuple, memory: dict, numbers: Iterator[int], put) -> None:
    for op in sequence:
        kind = type(op)
        if kind is str:
            put(op)
        elif kind is Choice:
            option = op.table[next(numbers) >> SHIFT]
            if type(option) is str:
                put(option)
            else:
                _write(option, memory, numbers, put)
        elif kind is Ref:
            put(memory[op])
        else:
            taken = memory.setdefault(op.category, [])
            index = op.settle(op.table[next(numbers) >> SHIFT], taken)
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
            index = op.settle(op.table[next(numbers) >> SHIFT], taken)
            logs.append(op.log_share(index, taken))
            taken.append(index)
            memory.update(op.rows[index])


class _Parse:
    """One reading of one text. Failed ways on are undone; only one can succeed."""

    def __init__(self, text: str):
        self.text, self.far = text, 0
        self.logs: list[float] = []
        self.drawn: list[Draw] = []
        self.bound: dict[str, int] = {}         # var -> entry, from the first mention that tells
        self.hints: list[tuple[Ref, str]] = []  # earlier mentions that fit several entries

    def match(self, sequence: tuple, at: int) -> int:
        """Where `sequence` ends if it matches at `at`, else -1."""
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
            self.far = max(self.far, at)
        return at

    def match_choice(self, choice: Choice, at: int) -> int:
        for length in choice.lengths:
            log = choice.texts.get(self.text[at : at + length])
            if log is not None and self.whole(at + length):
                self.logs.append(log)
                return at + length
        for option, log in choice.parts:
            state = len(self.logs), len(self.drawn), len(self.hints), dict(self.bound)
            self.logs.append(log)
            end = self.match(option, at)
            if end >= 0 and self.whole(end):
                return end
            del self.logs[state[0] :], self.drawn[state[1] :], self.hints[state[2] :]
            self.bound = state[3]
        return -1

    def match_ref(self, ref: Ref, at: int) -> int:
        if ref.var in self.bound:
            text = ref.forms[self.bound[ref.var]]
            return at + len(text) if self.text.startswith(text, at) and self.whole(at + len(text)) else -1
        for length in ref.lengths:
            text = self.text[at : at + length]
            entries = ref.where.get(text)
            if entries and self.whole(at + length):
                if len(entries) > 1:
                    self.hints.append((ref, text))
                elif any(hint.var == ref.var and hint.forms[entries[0]] != said for hint, said in self.hints):
                    return -1
                else:
                    self.bound[ref.var] = entries[0]
                return at + length
        return -1

    def whole(self, end: int) -> bool:
        """Whether no word runs across `end`."""
        return not (self.text[end - 1 : end].isalpha() and self.text[end : end + 1].isalpha())

    def draw_logs(self) -> list[float]:
        logs: list[float] = []
        taken: dict[Category, list[int]] = {}
        for draw in self.drawn:
            index, others = self.bound[draw.var], taken.setdefault(draw.category, [])
            if index in others:
                raise ValueError(f"[fables] two slots share {draw.category.entries[index]['']!r}; they always differ")
            logs.append(draw.log_share(index, others))
            others.append(index)
        return logs


def _most(sequence: tuple, known: dict[int, int]) -> int:
    """The most random numbers that a sequence can use."""
    total = 0
    for op in sequence:
        if type(op) is Draw:
            total += 1
        elif type(op) is Choice:
            if id(op) not in known:
                known[id(op)] = 1 + max(_most(o, known) if type(o) is tuple else 0 for o in op.options)
            total += known[id(op)]
    return total
