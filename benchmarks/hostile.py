"""Files made to exhaust who reads them: each has to be refused within a second of CPU time and 100 MB.

    python benchmarks/hostile.py CHECKPOINT                  prints what each cost; chaos.py does it too
    python benchmarks/hostile.py restore|store|tokenizer|text PATH        reads one, and prints what it cost

The seconds and megabytes are those of the reading, without the start of Python. Linux.
"""
import gzip
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ternary.checkpoint.load import restore
from ternary.errors import TernaryError
from ternary.text.corpus import open_corpus
from ternary.text.token_store import MAGIC, open_store
from ternary.text.tokenizer import Tokenizer

SECONDS, MEGABYTES = 1.0, 100.0
READERS = {"restore": restore, "store": open_store, "tokenizer": Tokenizer.load,
           "text": lambda path: [None for _ in open_corpus(str(path)).stories()]}


def attacks() -> list[tuple[str, str, bytes]]:
    """(reader, name of a file, what it holds)"""
    import pyarrow as pa
    from pyarrow import parquet

    def table(column) -> bytes:
        out = io.BytesIO()
        parquet.write_table(pa.table({"text": column}), out, compression="zstd")
        return out.getvalue()

    huge, deep, zeros = (1 << 40).to_bytes(8, "little"), b"[" * 1_000_000, bytes(1 << 30)
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000), pa.array(["a" * (5 << 20)]))
    return [("restore", "model.safetensors", huge + b"{}"),
            ("restore", "model.safetensors", (90 << 20).to_bytes(8, "little") + deep),
            ("restore", "config.json", deep), ("restore", "config.json", b'{"layers": 1' + b"0" * 5000 + b"}"),
            ("restore", "tokenizer.json", b'{"pieces": ["' + b"a" * 9_000_000 + b'"]}'),
            ("restore", "state.json", b"{" * 200_000),
            ("store", "a.tok", MAGIC + huge), ("tokenizer", "a.tokenizer", deep),
            ("text", "deep.jsonl", deep), ("text", "number.jsonl", b"1" * 3_000_000),
            ("text", "zeros.txt.gz", gzip.compress(zeros)), ("text", "zeros.csv.gz", gzip.compress(zeros)),
            ("text", "zeros.txt.zst", pa.compress(zeros, "zstd", asbytes=True)),
            ("text", "open-quote.csv.gz", gzip.compress(b'text\n"' + b"word\n" * (1 << 26))),
            ("text", "deep.parquet", b"PAR1" + deep + b"PAR1"), ("text", "huge.parquet", table(["a" * (1 << 30)])),
            ("text", "repeated.parquet", table(repeated))]


def hostile_files(checkpoint: Path) -> list[dict]:
    """Rows of chaos.py. The checkpoint is a sound one; a copy of it is attacked."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        step = shutil.copytree(checkpoint.resolve(), Path(folder) / "step_0000001")
        for reader, name, data in attacks():
            path = step / name
            sound = path.read_bytes() if path.exists() else None
            path.write_bytes(data)
            command = [sys.executable, __file__, reader, step if reader == "restore" else path]
            done = subprocess.run(command, capture_output=True, text=True)
            cost = json.loads(done.stdout) if done.returncode == 0 else {"said": done.stderr}
            good = cost["said"] and cost.get("seconds", SECONDS) < SECONDS and cost.get("mb", MEGABYTES) < MEGABYTES
            spent = f"{cost.get('seconds', 0):.2f} s, {cost.get('mb', 0):.0f} MB"
            said = cost["said"].strip().replace(f"{step}/", "")
            rows.append({"what": f"hostile {name}, {spent}", "times": 1, "lost": int(not good), "said": said[-300:]})
            path.unlink() if sound is None else path.write_bytes(sound)
    return rows


def cost_of(reader: str, path: Path) -> dict:
    """-> seconds of CPU, MB, and what was said; nothing if it was read"""
    before, start, said = peak(), time.process_time(), ""
    try:
        READERS[reader](path)
    except TernaryError as error:
        said = str(error)
    return {"seconds": time.process_time() - start, "mb": peak() - before, "said": said}


def peak() -> float:
    """The most memory this process has had, in MB."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def main() -> None:
    if len(sys.argv) == 3:
        print(json.dumps(cost_of(sys.argv[1], Path(sys.argv[2]))))
        return
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    rows = hostile_files(Path(sys.argv[1]))
    for row in rows:
        print(f"{'LOST' if row['lost'] else 'good'}  {row['what']}  {row['said'][:120]}")
    sys.exit(any(row["lost"] for row in rows))


if __name__ == "__main__":
    main()
