"""Texts and files of texts for tests of readers."""
import gzip
import hashlib
from functools import partial
from pathlib import Path

import pytest

from ternary.text.corpus import Corpus, open_corpus

gz = partial(gzip.compress, mtime=0)             # the time would get into the names of tests


def write(path: Path, content: str | bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def read(source, **options) -> list[str]:
    return list(open_corpus(str(source), **options).stories())


def memory(stories: list[str], name: str = "memory") -> Corpus:
    return Corpus(name, hashlib.sha256("\0".join(stories).encode()).hexdigest(), lambda: iter(stories))


def parquet(path: Path, **columns) -> str:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), path, row_group_size=3)
    return str(path)
