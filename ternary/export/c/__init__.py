"""Export to C: one C99 file, its weights, a small main, and what a Cortex-M needs to run it."""
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from ternary.checkpoint.load import Restored
from ternary.errors import UsageError
from ternary.export.base import EXPORTS, Target
from ternary.export.c.lowering import HEADS, Lowering
from ternary.export.c.tables import declaration, tokenizer_tables, word_edges
from ternary.graph import Graph
from ternary.schema import Config, setting
from ternary.text.tokenizer import FIRST_PIECE, SPECIALS, Tokenizer
from ternary.text.unigram import UNKNOWN
from ternary.text.vocabulary import LONGEST_CHUNK

CODE, STACK = 40 << 10, 6 << 10   # bytes of program and libc in flash, of stack and libc in RAM; measured for Cortex-M
UNIT = 64                         # characters that the rule "unigram" cuts together at most
OPS = ("linear.c", "rows.c", "time.c")
FIXED = ("model.h", "main.c", "Makefile", "cortex-m/startup.c", "cortex-m/memory.ld")


@dataclass(frozen=True)
class CConfig(Config):
    head: str | None = setting(None, "numbers of the embedding and the head; int16 and int8 have a scale for each row",
                               unset="the first that fits in the flash", choices=HEADS)
    context: int = setting(512, "tokens for which attention to all before has room", at_least=2, at_most=1 << 20)
    flash: int | None = setting(None, "bytes of flash that the program may take", at_least=1, example=1 << 20)
    ram: int | None = setting(None, "bytes of RAM that it may take", at_least=1, example=256 << 10)


@EXPORTS.register("c")
class CProgram(Target):
    """A folder with model.c, weights.h and a program that continues a text."""
    config_type, ops = CConfig, Lowering.ops()

    def write(self, restored: Restored, graph: Graph, path: Path) -> dict[str, Any]:
        tables = tokenizer_tables(restored.tokenizer)
        for head in [self.config.head] if self.config.head else HEADS:
            program = Lowering(graph, head, self.config.context)
            arrays = {**program.arrays.content, **tables}
            flash = sum(a.nbytes for a in arrays.values()) + CODE
            ram = 4 * (program.scratch + program.state + len(graph.table)) + STACK
            if not self.config.flash or flash <= self.config.flash:
                break
        self.check_room("flash", flash, self.config.flash, "" if head == "int8" else "--set head=int8, or ")
        self.check_room("ram", ram, self.config.ram, "a smaller --set context=N, or " if program.limit else "")
        path.mkdir()
        (path / "cortex-m").mkdir()
        fields = {**constants(restored.tokenizer, program), "TITLE": restored.name,
                  "FLASH": self.config.flash or 4 << 20, "RAM": self.config.ram or 4 << 20}
        for name in FIXED:
            (path / name).write_text(filled(template(name), fields), encoding="utf-8")
        source = "".join(map(template, ("model.c", "tokenizer.c", f"{restored.tokenizer.rule}.c")))
        (path / "model.c").write_text(filled(source, fields), encoding="utf-8")
        with open(path / "weights.h", "w", encoding="utf-8") as file:
            file.write(f"enum {{ PIECES = {len(restored.tokenizer.pieces)}, WORD_EDGES = {len(word_edges())} }};\n")
            file.write(f"typedef {head}_t table_t;\n" if head != "float32" else "")
            for name, a in arrays.items():
                file.writelines(declaration(name, a))
        return {"head": head, "flash": flash, "ram": ram, **({"context": program.limit} if program.limit else {}),
                "run": 'in the folder: make && ./story "Once upon a time"'}

    def check_room(self, kind: str, needed: int, given: int | None, advice: str) -> None:
        if given and needed > given:
            raise UsageError(f"--{kind} is {given:,} bytes, but the model needs {needed:,}; use {advice}a smaller "
                             "model such as bolt-micro")


def constants(tokenizer: Tokenizer, program: Lowering) -> dict[str, Any]:
    """What the templates have between two @."""
    longest = max([4, *(len(piece.encode()) for piece in tokenizer.pieces)])
    chunk = LONGEST_CHUNK if tokenizer.rule == "fewest" else UNIT
    values = {"MODEL_VOCAB": len(program.graph.table), "MODEL_EOS": Tokenizer.EOS, "MODEL_CONTEXT": program.limit,
              "MODEL_CHUNK_IDS": 4 * chunk, "MODEL_TEXT_BYTES": 3 + longest}
    steps = program.lines()
    if program.limit:
        steps = ["if (position >= MODEL_CONTEXT)", "    return NULL;", *steps]
    return {"CONSTANTS": ",\n    ".join(f"{name} = {value}" for name, value in values.items()),
            "UNIT": UNIT, "LONGEST": max([1, *map(len, tokenizer.pieces)]), "UNKNOWN": UNKNOWN,
            "FIRST_BYTE": SPECIALS, "FIRST_PIECE": FIRST_PIECE, "SCRATCH": program.scratch,
            "STATE": max(1, program.state), "OPS": functions(program.functions),
            "STEPS": "\n".join("    " + line for line in steps)}


def template(name: str) -> str:
    return (files(__name__) / name).read_text(encoding="utf-8")


def filled(text: str, fields: dict[str, Any]) -> str:
    return re.sub(r"@([A-Z_]+)@", lambda match: str(fields[match[1]]), text)


def functions(names: set[str]) -> str:
    """The parts of OPS with these functions, and those that they call: "/* == NAME: OTHER ... == */" begins a part."""
    _, *parts = re.split(r"^/\* == (\w+)(?:: ([\w ]+))? == \*/\n", "".join(map(template, OPS)), flags=re.MULTILINE)
    found, needed = [], set(names)
    for name, others, code in reversed(list(zip(parts[::3], parts[1::3], parts[2::3]))):
        if name in needed:
            needed |= set((others or "").split())
            found.append(code)
    return "".join(reversed(found))
