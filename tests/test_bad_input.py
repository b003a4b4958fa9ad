"""Silly, wrong and broken input: one line that says what came and what to do, the exit code of its kind, no trace."""
import json
import os
import random
import shutil
import socket

import pytest
from tiny import TINY

USAGE, DATA, MODEL, RESOURCE, NETWORK = 2, 3, 4, 5, 7
CODES = {2: "usage", 3: "data", 4: "model_file", 5: "resource", 7: "network"}


@pytest.fixture
def place(tmp_path, monkeypatch, corpus):
    """The working directory, with all kinds of files in it."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(corpus, "stories.txt")
    for name, data in {"empty.txt": b"", "blank.txt": b"\n \n\t\n", "one.txt": b"A single story.\n",
                       "short.txt": b"A short story.\n\nAnother one.\n", "latin.txt": b"Good.\n\nna\xefve\n\nMore.\n",
                       "utf16.txt": "A story.\n\nAnother.\n".encode("utf-16"), "notes.pdf": b"%PDF",
                       "bad.jsonl": b'{"text": "a story"}\n{"text": \n', "poem.jsonl": b'{"poem": "a", "n": 1}\n',
                       "bad.parquet": b"PAR1 and so on", "zip.txt": bytes(random.Random(0).randbytes(4000)),
                       "a file": b"x"}.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "nothing here").mkdir()
    (tmp_path / "loop.txt").symlink_to("loop.txt")
    return tmp_path


def tree(folder):
    """Folders by name only: a lock that came and went changes their time."""
    return {str(p.relative_to(folder)): not p.is_dir() and (p.lstat().st_size, p.lstat().st_mtime_ns)
            for p in folder.rglob("*")}


def check(result, code, *said):
    """One line on stderr, after those about a small validation split; the same as JSON on stdout."""
    assert result.code == code, result
    *notes, error = result.err.splitlines()
    assert error.startswith("Error: ") and all("for validation" in note for note in notes), result.err
    message = error.removeprefix("Error: ")
    assert json.loads(result.out.splitlines()[-1]) == {"error": {"code": CODES[code], "message": message}}
    for words in said:
        assert words in message, message
    assert "internal" not in message


TRAIN = [
    # flags
    ("--hours -1", USAGE, "--hours is -1; wanted above 0 and at most 10000; e.g. --hours 2"),
    ("--hours nan", USAGE, "--hours is nan"),
    ("--hours 0", USAGE, "--hours is 0"),
    ("--hours 1e6", USAGE, "--hours is 1e6; wanted above 0 and at most 10000"),
    ("--hours two", USAGE, "--hours is two"),
    ("--batch 0", USAGE, "--batch is 0; wanted a whole number above 0; e.g. --batch 16"),
    ("--batch 1.5", USAGE, "--batch is 1.5"),
    ("--seq-len -4", USAGE, "--seq-len is -4"),
    ("--steps 0", USAGE, "--steps is 0"),
    ("--tokens -1", USAGE, "--tokens is -1"),
    ("--epochs inf", USAGE, "--epochs is inf"),
    ("--lr -1", USAGE, "--lr is -1; wanted above 0"),
    ("--lr 1000", USAGE, "--lr is 1000; wanted above 0 and at most 10"),
    ("--grad-clip -1", USAGE, "--grad-clip is -1"),
    ("--seed -1", USAGE, "--seed is -1; wanted a whole number at least 0"),
    ("--seed 18446744073709551616", USAGE, "up to 9223372036854775807"),
    ("--threads 0", USAGE, "--threads is 0"),
    ("--vocab 3", USAGE, "--vocab is 3; use 260 to 65536"),
    ("--vocab 70000", USAGE, "--vocab is 70000; use 260 to 65536"),
    ("--precision fp16", USAGE, "--precision", "fp16", "bf16", "ternary train --help"),
    ("--quantizer int8", USAGE, "quantizer is 'int8'; wanted one of tensor, tensor_fp16, row, block256"),
    ("--model nova --quantizer row", USAGE, "--set quantizer=row", "nova has no such setting", "heads"),
    ("--set dim", USAGE, "--set dim: wanted NAME=VALUE"),
    ("--set dim=50", USAGE, "dim is 50; wanted a multiple of 16", "use 48"),
    ("--set dim=wide", USAGE, "dim is 'wide'; wanted a multiple of 16"),
    ("--set colour=3", USAGE, "--set colour=3: bolt-small has no such setting; it has vocab_size, dim, layers"),
    ("--set optimizer.beta9=0.5", USAGE, "--set optimizer.beta9=0.5: muon has no such setting; it has beta1"),
    ("--set optimiser.beta1=0.5", USAGE, "wanted NAME, a field of the model, or optimizer.NAME, schedule.NAME"),
    ("--schedule wsd --set schedule.decay=2", USAGE, "decay is 2; wanted above 0 and at most 1"),
    ("--schedule cosin", USAGE, "no schedule is called 'cosin'; did you mean cosine?"),
    ("--config elsewhere.json", USAGE, "--config elsewhere.json", "no JSON file that can be read"),
    ("--model mine.py:Mine", USAGE, "--model mine.py:Mine: it cannot be imported", "built in are bolt-small"),
    ("--small --large", USAGE, "--small, --large and --model", "one of them"),
    ("--small --model bolt-large", USAGE, "one of them"),
    ("--model bolt-smal", USAGE, "'bolt-smal'", "bolt-small, bolt-large"),
    ("--learning-rate 1", USAGE, "--learning-rate", "ternary train --help"),
    ("--steps", USAGE, "--steps", "argument"),
    ("extra", USAGE, "extra", "ternary train --help"),
    # data
    ("--data storys.txt", DATA, "'storys.txt'", "did you mean stories.txt"),
    ("--data stories.txt,storys.txt", DATA, "'storys.txt'", "did you mean stories.txt"),
    ("--data loop.txt", DATA, "loop.txt is a link that leads nowhere"),
    ("--data nowhere/x.txt", DATA, "nowhere/x.txt", "fables"),
    ("--data empty.txt", DATA, "empty.txt holds no story"),
    ("--data blank.txt", DATA, "blank.txt holds no story"),
    ("--data one.txt", DATA, "one.txt holds one distinct story", "blank lines"),
    ("--data short.txt", DATA, "one batch of 16 x 256 needs 4,097", "--batch or --seq-len"),
    ("--batch 9999", DATA, "22,", "one batch of 9999 x 256", "smaller --batch"),
    ("--data latin.txt", DATA, "latin.txt is not UTF-8", "0xef at offset 9, line 3", "iconv"),
    ("--data zip.txt", DATA, "zip.txt is not UTF-8"),
    ("--data notes.pdf", DATA, "'.pdf'", ".jsonl"),
    ("--data bad.jsonl", DATA, "bad.jsonl, line 2"),
    ("--data poem.jsonl", DATA, "no text or story", "'poem'", "--field"),
    ("--data poem.jsonl --field song", DATA, "no song", "'poem'"),
    ("--data bad.parquet", DATA, "bad.parquet is not a whole parquet file"),
    ("--data nothing\0here", DATA, "holds no .txt"),
    ("--val-data storys.txt", DATA, "did you mean stories.txt"),
    # folders
    ("--save-dir a\0file", RESOURCE, "a file is a file", "choose a folder"),
    ("--save-dir a\0file/run", RESOURCE, "a file is a file", "choose a folder"),
    ("--resume elsewhere", MODEL, "elsewhere does not exist", "the folder of a run"),
    ("--resume nothing\0here", MODEL, "nothing here holds no checkpoint", "the folder of a run"),
    ("--resume stories.txt", MODEL, "stories.txt is a file", "model.safetensors"),
]


@pytest.mark.parametrize("flags, code, said", [(row[0], row[1], row[2:]) for row in TRAIN], ids=lambda v: str(v)[:30])
def test_train(place, here, flags, code, said):
    before = tree(place)
    flags = [flag.replace("\0", " ") for flag in flags.split(" ")]
    source = [] if "--data" in flags or "--resume" in flags else ["--data", "stories.txt"]
    check(here("train", "--json", *source, *flags), code, *said)
    assert tree(place) == before


GENERATE = [
    ("--temperature -1", "--temperature is -1; wanted at least 0 and at most 100"),
    ("--temperature nan", "--temperature is nan"),
    ("--temperature 1e9", "--temperature is 1e9"),
    ("--top-p 1.5", "--top-p is 1.5; wanted above 0 and at most 1; e.g. --top-p 0.95"),
    ("--top-p 0", "--top-p is 0"),
    ("--top-k -3", "--top-k is -3; wanted a whole number at least 0"),
    ("--top-k 99999999999", "--top-k is 99999999999"),
    ("--min-p 2", "--min-p is 2"),
    ("--max-tokens 0", "--max-tokens is 0; wanted a whole number above 0"),
    ("--max-tokens 1e30", "--max-tokens is 1e30"),
    ("--repetition-penalty 0", "--repetition-penalty is 0"),
    ("--seed x", "--seed is x"),
]


@pytest.mark.parametrize("flags, said", GENERATE)
def test_generate(place, finished, here, flags, said):
    before = tree(place)
    check(here("generate", "Once", "--checkpoint", finished[0], *flags.split(" "), "--json"), USAGE, said)
    assert tree(place) == before


def test_generate_takes_many_tokens_and_words(finished, here):
    """What is not bad: more words than there are, more tokens than a story has."""
    result = here("generate", "Once", "--checkpoint", finished[0], "--top-k", 10**9, "--temperature", 0, "--json")
    assert result.code == 0 and result.json["tokens"] > 0


EVAL = [
    ("--data storys.txt", DATA, "did you mean stories.txt"),
    ("--data latin.txt", DATA, "offset 9, line 3"),
    ("--data short.txt --protocol flashlm", DATA, "no story to evaluate"),
    ("--stories 0", USAGE, "--stories is 0"),
    ("--protocol v5", USAGE, "v5", "honest"),
    ("--checkpoint nowhere", MODEL, "nowhere does not exist"),
]


@pytest.mark.parametrize("flags, code, said", [(row[0], row[1], row[2:]) for row in EVAL], ids=lambda v: str(v)[:30])
def test_eval(place, finished, here, flags, code, said):
    before = tree(place)
    source = [] if "--data" in flags else ["--data", "stories.txt"]
    flags = ["--checkpoint", finished[0], *source, *flags.split(" ")]
    check(here("eval", *flags, "--json"), code, *said)
    assert tree(place) == before


# --- folders that cannot be written


def test_a_save_dir_that_cannot_be_written(place, here, monkeypatch):
    """Found out before the data is opened, and whoever runs the tests."""
    (place / "locked").mkdir()
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(place / "locked") and access(path, mode))
    before = tree(place)
    for folder in ("locked", "locked/run/1"):
        check(here("train", "--data", "absent.txt", "--save-dir", folder, "--json"), RESOURCE, "cannot write",
              "no permission", "choose a folder")
    assert tree(place) == before


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="Linux")
def test_a_save_dir_that_the_system_refuses(place, here):
    check(here("train", "--data", "stories.txt", "--batch", 2, "--save-dir", "/proc/run", "--json"), RESOURCE,
          "cannot write /proc/run", "choose a folder")


# --- in a process of its own


def test_an_unknown_cpu_path(place, shell):
    before = tree(place)
    check(shell("train", "--data", "stories.txt", "--json", env={"TERNARY_ISA": "nonsense"}), USAGE,
          "TERNARY_ISA", "'nonsense'", "avx2")
    assert tree(place) == before


def test_a_hub_that_cannot_be_reached(place, shell, tmp_path_factory):
    with socket.socket() as closed:       # bound, but nobody listens
        closed.bind(("127.0.0.1", 0))
        environ = {"HF_ENDPOINT": f"http://127.0.0.1:{closed.getsockname()[1]}", "NO_PROXY": "127.0.0.1",
                   "HF_HOME": str(tmp_path_factory.mktemp("hub")), "HF_HUB_OFFLINE": "0"}
        before = tree(place)
        check(shell("train", "--small", "--json", env=environ), NETWORK, "roneneldan/TinyStories", "--data fables",
              "local file")
    assert tree(place) == before


def test_without_json_there_is_nothing_on_stdout(place, shell):
    result = shell("train", "--data", "storys.txt")
    assert result.code == DATA and result.out == "" and len(result.err.splitlines()) == 1
    assert result.err.startswith("Error: no file or folder 'storys.txt'")


def test_more_threads_than_cores(place, here):
    result = here("train", "--data", "stories.txt", *TINY, "--steps", 1, "--threads", 4096)
    assert result.code == 0 and "--threads 4096: only" in result.err


def test_a_learning_rate_that_nobody_means(place, here):
    result = here("train", "--data", "stories.txt", *TINY, "--steps", 1, "--lr", 5)
    assert result.code == 0 and "warning: --lr 5 is far above what trains" in result.err
