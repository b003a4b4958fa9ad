"""Scores of text that a model was trained on are not mistaken for scores of new text."""
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny import TINY, log, stories

import ternary
from ternary.checkpoint import format as checkpoint
from ternary.text import seen as module
from ternary.text.corpus import open_corpus
from ternary.text.prepare import prepare
from ternary.text.seen import hashes_of, seen, story_hashes, unseen
from ternary.text.tokenizer import Tokenizer


@pytest.fixture
def copy(finished, tmp_path):
    """A run that may be changed."""
    return Path(shutil.copytree(finished[0], tmp_path / "copy", symlinks=True))


@pytest.fixture
def tokenizer():
    return Tokenizer.train(stories(), 400)


def test_a_story_has_the_hash_that_it_has_in_a_token_store(tmp_path, tokenizer, monkeypatch):
    texts = [*stories(50), "a", "a" * 5000]
    (tmp_path / "a.txt").write_text("\n\n".join(texts))
    store = prepare(open_corpus(str(tmp_path / "a.txt")), tokenizer, tmp_path)
    whole = store.story_hashes
    assert np.array_equal(whole, hashes_of(texts, tokenizer)) and len(set(whole.tolist())) == len(set(texts))
    monkeypatch.setattr(module, "CHUNK", 100)              # smaller than some stories
    assert np.array_equal(story_hashes(store.tokens, store.offsets), whole)


def test_stories_that_differ_in_a_token_or_its_place_have_other_hashes(tokenizer):
    texts = ["a b", "b a", "a b a", "a", "b", "a bb", "aa b", ""]
    assert len(set(hashes_of(texts, tokenizer).tolist())) == len(texts)


def test_what_was_trained_on_is_passed_over(tokenizer):
    texts = list(dict.fromkeys(stories(60)))
    trained = np.sort(hashes_of(texts[10:], tokenizer))
    assert seen(texts, tokenizer, trained).tolist() == [False] * 10 + [True] * (len(texts) - 10)
    assert unseen(texts[::-1], tokenizer, trained, 5) == (texts[9:4:-1], len(texts) - 10)
    assert unseen(texts[10:], tokenizer, trained, 5) == ([], len(texts) - 10)
    assert not seen(texts, tokenizer, np.empty(0, np.uint64)).any() and not len(seen([], tokenizer, trained))


def test_eval_scores_what_was_held_out(here, finished, corpus):
    folder = finished[0]
    own = here("eval", "--checkpoint", folder, "--json").json
    same = here("eval", "--checkpoint", folder, "--data", corpus, "--json")
    everything = here("eval", "--checkpoint", folder, "--data", corpus, "--include-seen", "--json").json
    assert own["seen"] == 0 and same.json["bpc"] == own["bpc"] and same.json["stories"] == own["stories"]
    assert same.json["seen"] > 0 and "were trained on and are left out" in same.err
    assert everything["seen"] == same.json["seen"] and everything["stories"] == own["stories"] + everything["seen"]
    lm = ternary.load(folder)
    assert lm.evaluate(stories(20))["seen"] > 0 and lm.evaluate(["Quite another text."])["seen"] == 0


def test_text_that_was_all_trained_on_has_no_score(here, finished, tmp_path):
    lm = ternary.load(finished[0])
    trained = [s for s in stories(20) if lm.evaluate([s])["seen"]][:3]
    (tmp_path / "trained.txt").write_text("\n\n".join(trained))
    command = ["eval", "--checkpoint", finished[0], "--data", tmp_path / "trained.txt"]
    result = here(*command, "--json")
    assert result.code == 3 and "all 3 stories" in result.err and "--include-seen" in result.err
    assert here(*command, "--include-seen").code == 0


def test_a_checkpoint_that_does_not_know_says_so(here, finished, copy, corpus):
    step = copy / "step_0000040"
    loaded = checkpoint.load(step, optimizer=True)
    checkpoint.save(copy, 40, weights=loaded.weights, optimizer=loaded.optimizer, config=loaded.config,
                    tokenizer=loaded.tokenizer, state=loaded.state)          # as version 0.1 did
    result = here("eval", "--checkpoint", step, "--data", corpus, "--json")
    assert result.json["seen"] is None and "does not know" in result.err


def test_the_text_of_a_run_that_is_gone_is_asked_for(here, finished, copy, corpus, tmp_path):
    state = json.loads((copy / "last" / "state.json").read_text())
    settings = {**state["settings"], "data": str(tmp_path / "gone.txt")}
    loaded = checkpoint.load(copy / "step_0000040", optimizer=True, stories=True)
    checkpoint.save(copy, 40, weights=loaded.weights, optimizer=loaded.optimizer, config=loaded.config,
                    tokenizer=loaded.tokenizer, stories=loaded.stories,
                    state={**loaded.state, "settings": settings, "sources": {}})
    result = here("eval", "--checkpoint", copy / "step_0000040")
    assert result.code == 3 and "gone.txt" in result.err and "--data" in result.err
    shutil.copy(corpus, tmp_path / "moved.txt")
    assert here("eval", "--checkpoint", copy / "step_0000040", "--data", tmp_path / "moved.txt").code == 0


def test_a_run_leaves_out_validation_stories_that_it_trains_on(here, corpus, tmp_path):
    texts = stories()
    (tmp_path / "val.txt").write_text("\n\n".join([*texts[:30], "A story that is new.", "And another one."]))
    flags = ["train", "--data", corpus, *TINY, "--steps", 2, "--save-dir", tmp_path / "run"]
    result = here(*flags, "--val-data", tmp_path / "val.txt", "--eval-stories", 100)
    assert result.code == 0 and "validation stories: 2 (30 more are trained on, and left out)" in result.err
    result = here(*flags[:-1], tmp_path / "same", "--val-data", corpus)
    assert result.code == 0 and "ALL of which are trained on" in result.err
    assert [(e["seen"], e["stories"]) for e in log(tmp_path / "same", "eval")] == [(5, 5)]
    assert [(e["seen"], e["stories"]) for e in log(tmp_path / "run", "eval")] == [(0, 2)]


def test_options_that_eval_would_not_heed_are_refused(here, finished, corpus):
    result = here("eval", "--checkpoint", finished[0], "--encoding", "latin-1", "--field", "text")
    assert result.code == 2 and "--encoding and --field without --data" in result.err
    result = here("eval", "--checkpoint", finished[0], "--data", corpus, "--data", "fables")
    assert result.code == 2 and "--data is given 2 times; give it once, with commas between" in result.err
    advised = result.err.split("--data ")[-1].strip()
    assert here("eval", "--checkpoint", finished[0], "--data", advised, "--stories", 4).code == 0
