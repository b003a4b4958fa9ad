"""Data sets of the Hugging Face hub, read as a stream; without a network, from a whole copy in the local cache."""

import re
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from ternary.errors import DataError, NetworkError
from ternary.text.rows import story_column, story_of
from ternary.text.story import RULES, BadRows, Corpus, TextOptions, fingerprint, first_line, say, stories_in

PROBE_SECONDS, OPEN_SECONDS = 8, 30


def open_hub(name: str, split: str, options: TextOptions, revision: str | None = None) -> Corpus:
    """A hub data set: streamed if the hub answers, else from a whole snapshot in the local cache.

    Raises DataError of the data set, or NetworkError with neither the hub nor a snapshot.
    """
    import huggingface_hub as hub

    try:
        wanted = {"revision": revision, "timeout": 5}
        revision, source = _within(PROBE_SECONDS, lambda: hub.HfApi().dataset_info(name, **wanted).sha), name
    except hub.errors.GatedRepoError:
        raise DataError(f"{name} is gated: accept its terms on its page, then run hf auth login") from None
    except Exception as e:
        # The hub says 401 of a set that does not exist, lest private names leak.
        if getattr(getattr(e, "response", None), "status_code", None) in (401, 403, 404):
            raise DataError(f"no data set {name!r} on the hub, no such local path; check its name") from None
        source = _snapshot(name, revision)
        if source is None:
            raise _unreachable(name, f"{first_line(e)}; no whole copy in the local cache") from None
        revision = Path(source).name
    place = (name, source, revision, split, options.field)
    column, rows = _hub_errors(name, lambda: _within(OPEN_SECONDS, _open_rows, *place))

    facts: dict = {"split": split, "read_as": [f"{name}: hub data, split {split}, column {column!r}"]}

    def read() -> Iterator[str]:
        stream, bad = iter(rows), BadRows(options.skip_bad)
        for number in count(1):
            row = _hub_errors(name, lambda: next(stream, None))
            if row is None:
                break
            try:
                story = story_of(row, options, f"{name}, row {number}")
            except DataError as error:
                bad.add(error)
                continue
            yield from stories_in(story)
        if bad.count:
            facts["skipped_rows"] = bad.count
            say(f"{name}: skipped {bad.count} bad rows (--skip-bad {bad.limit}); the first: {bad.first}")

    more = [options.template] if options.template else []
    digest = fingerprint(name, revision, split, options.field or column, RULES, *more)
    return Corpus(f"{name} ({split})", digest, read, None, facts)


def _within(seconds: float, call: Callable, *args):
    """call(*args), or TimeoutError: then the thread is left behind, as a name look-up cannot be cancelled."""
    done, box = threading.Event(), []

    def run() -> None:
        try:
            box.append((call(*args), None))
        except BaseException as e:
            box.append((None, e))
        done.set()

    threading.Thread(target=run, daemon=True).start()
    if not done.wait(seconds):
        raise TimeoutError(f"no answer in {seconds} s")
    value, error = box[0]
    if error is not None:
        raise error
    return value


def _snapshot(name: str, revision: str | None) -> str | None:
    """The folder of `name` in the hub's local cache, if all of its numbered files (x-01-of-04) are there."""
    import huggingface_hub as hub

    try:
        folder = hub.snapshot_download(name, repo_type="dataset", revision=revision, local_files_only=True)
    except Exception:
        return None
    shards: dict[tuple[str, str, str], int] = {}
    for path in Path(folder).rglob("*-of-*"):
        if part := re.fullmatch(r"(.*)-\d+-of-(\d+)(.*)", path.name):
            shards[part.groups()] = shards.get(part.groups(), 0) + 1
    return folder if all(int(total) == n for (_, total, _), n in shards.items()) else None


def _open_rows(name: str, source: str, revision: str, split: str, key: str | None):
    """(column, rows), having read the first row."""
    import datasets

    # The library's own 20 tries of every read come to many minutes.
    datasets.config.STREAMING_OPEN_MAX_RETRIES = datasets.config.STREAMING_READ_MAX_RETRIES = 3
    at = {"revision": revision} if source == name else {}
    rows = datasets.load_dataset(source, split=split, streaming=True, **at)
    first = next(iter(rows), None)
    if first is None:
        raise DataError(f"{name} ({split}) holds no story")
    column = story_column(first, key, name)
    return column, rows.select_columns([column])


def _hub_errors(name: str, call: Callable):
    """call(), with the libraries' many errors sorted into two: the data set's and the network's."""
    try:
        return call()
    except (DataError, MemoryError):
        raise
    except (ValueError, LookupError, TypeError, RuntimeError, FileNotFoundError) as e:
        if "scripts are no longer supported" in str(e):
            raise DataError(f"{name} needs a script, which is not run; try {name}@refs/convert/parquet") from None
        raise DataError(f"{name} cannot be read: {first_line(e)}") from None
    except Exception as e:
        raise _unreachable(name, first_line(e)) from None


def _unreachable(name: str, why: str) -> NetworkError:
    return NetworkError(
        f"cannot reach the hub for data set {name} ({why}); check the network, "
        "or use --data fables or a local file"
    )
