"""Batches of texts counted or encoded by several processes, in order; by this one while there is little to do.

A process is a helper (machine/helpers.py). What goes through its pipes is one frame after the other. The first is a
tokenizer, or empty; then a batch makes a result.
"""
import json
import subprocess
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread

import numpy as np

from ternary.errors import ResourceError
from ternary.machine import helpers
from ternary.machine.helpers import receive, send
from ternary.text.tokenizer import Tokenizer
from ternary.text.vocabulary import batches, count_chunks

ALONE = 8                         # batches that are not worth a process: one takes half a second to start


def count(texts: list[str]) -> bytes:
    """JSON: how often each chunk occurs, and in how much."""
    result = {"stories": len(texts), "bytes": sum(len(t.encode()) for t in texts), "counts": count_chunks(texts)}
    return json.dumps(result, ensure_ascii=False).encode()


def encode(texts: list[str], tokenizer: Tokenizer) -> bytes:
    """int64: stories, characters, UTF-8 bytes, number of ids of each; the ids as uint16, EOS behind each story."""
    encoded = list(tokenizer.encode_arrays(texts))
    chars, size = sum(map(len, texts)), sum(len(text.encode()) for text in texts)
    numbers = [len(texts), chars, size, *(len(ids) + 1 for ids in encoded)]
    eos = np.array([Tokenizer.EOS], "<u2")
    return np.array(numbers, "<i8").tobytes() + np.concatenate([a for ids in encoded for a in (ids, eos)]).tobytes()


def decoded(result: bytes) -> tuple[int, int, np.ndarray, memoryview]:
    """-> characters, UTF-8 bytes, ids of each story, their bytes"""
    stories, chars, size = np.frombuffer(result, "<i8", 3).tolist()
    lengths = np.frombuffer(result, "<i8", stories, 24)
    return chars, size, lengths, memoryview(result)[24 + 8 * stories:]


class Workers:
    """Up to `processes`, started when there is enough to do; a context manager. Without a tokenizer they count.

    Until one is ready, and if none ever is, this process does the work.
    """

    def __init__(self, processes: int, tokenizer: Tokenizer | None = None):
        self.wanted, self.tokenizer, self.started, self.ready = processes, tokenizer, [], False
        self.idle: SimpleQueue[subprocess.Popen] = SimpleQueue()

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_) -> None:
        self.kill()
        for process in self.started:
            process.wait()

    def kill(self) -> None:
        """Threads that wait for a process then hear that it has ended."""
        for process in self.started:
            process.kill()

    def work(self, batch: list[str]) -> bytes:
        """In this process."""
        return encode(batch, self.tokenizer) if self.tokenizer else count(batch)

    def ask(self, batch: list[str]) -> bytes:
        """In the next process that is idle."""
        process = self.idle.get()
        try:
            send(process.stdin, json.dumps(batch, ensure_ascii=False).encode())
            result = receive(process.stdout)
        except OSError:
            result = None
        self.idle.put(process)                    # also a dead one: whoever gets it hears of it at once
        if result is None:
            raise ResourceError("a process that tokenizes was killed, perhaps for its memory; the same command goes on "
                                "where it stopped")
        return result

    def start(self) -> None:
        for _ in range(self.wanted):
            if process := helpers.start(__name__, stdin=subprocess.PIPE, stdout=subprocess.PIPE):
                self.started.append(process)
                Thread(target=self.greet, args=(process,), daemon=True).start()

    def greet(self, process: subprocess.Popen) -> None:
        """Give work to a process from when it is ready."""
        with suppress(OSError):
            if helpers.is_ready(process):
                send(process.stdin, self.tokenizer.to_json().encode() if self.tokenizer else b"")
                self.idle.put(process)
                self.ready = True

    def results(self, texts: Iterable[str]) -> Iterator[bytes]:
        """Of each batch, in order."""
        waiting: deque[Future[bytes]] = deque()
        with ThreadPoolExecutor(max(1, self.wanted)) as threads:
            try:
                for number, batch in enumerate(batches(texts)):
                    if number == ALONE and self.wanted > 1:
                        self.start()
                    if not self.ready:
                        yield self.work(batch)
                        continue
                    waiting.append(threads.submit(self.ask, batch))
                    if len(waiting) > 2 * self.wanted:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            except BaseException:
                self.kill()                       # or the threads would wait for a process that hangs
                raise


def main() -> None:
    source, target = helpers.frames_in_and_out()
    text = receive(source)
    tokenizer = Tokenizer.from_json(text.decode()) if text else None
    while (frame := receive(source)) is not None:
        batch = json.loads(frame)
        send(target, encode(batch, tokenizer) if tokenizer else count(batch))


if __name__ == "__main__":
    main()
