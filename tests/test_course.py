"""What a run reads when: curriculum, sequences that grow, and parts of a corpus."""
import numpy as np
import pytest
from tiny import TINY, learned, log, stories

from ternary.config import from_options
from ternary.errors import UsageError
from ternary.text.corpus import open_corpus
from ternary.text.loader import Loader
from ternary.text.select import select
from ternary.training import guard
from ternary.training.course import Course, parse_progressive


def course(shares=(1.0,), seq_lens=(8,), tokens=2000):
    texts = [np.arange(first, first + tokens, dtype=np.int32) for first in range(0, 10000 * len(shares), 10000)]
    return Course([Loader(text, 4, 8, seed=1) for text in texts], list(shares), list(seq_lens))


def run_through(course, steps):
    """The batches of a run of so many steps."""
    for step in range(steps):
        yield course.batch(step / steps)
        course.advance(step / steps)


# ---- curriculum -----------------------------------------------------------------------------------------
def test_texts_come_one_after_the_other_for_their_shares():
    texts = [int(x.min() >= 10000) for x, _ in run_through(course((0.3, 0.7)), 10)]
    assert texts == [0] * 3 + [1] * 7


def test_shares_need_not_sum_to_one():
    assert course((3, 7)).ends.tolist() == pytest.approx([0.3, 1])


def test_every_text_is_read_from_its_beginning_and_no_window_twice_in_an_epoch():
    whole = [x for x, _ in run_through(course((0.5, 0.5)), 100)]
    for part in (whole[:50], whole[50:]):
        windows = np.concatenate([x[:, 0] for x in part])
        assert len(set(windows.tolist())) == len(windows)


def test_a_batch_comes_again_until_it_was_used():
    c = course((0.5, 0.5))
    np.testing.assert_array_equal(c.batch(0.2)[0], c.batch(0.3)[0])
    c.advance(0.3)
    assert (c.batch(0.3)[0] != course().batch(0)[0]).any() and c.drawn == [1, 0]


def test_drawn_is_all_that_is_needed_to_go_on():
    whole = [x for x, _ in run_through(course((0.5, 0.5)), 20)]
    first, again = course((0.5, 0.5)), course((0.5, 0.5))
    for step in range(13):
        first.advance(step / 20)
    again.drawn = list(first.drawn)
    np.testing.assert_array_equal(again.batch(13 / 20)[0], whole[13])


@pytest.mark.parametrize("given", ["a.txt", "a.txt:0.3,b.txt", "a.txt:0,b.txt:1", "a.txt:x", ":0.5", "a.txt:nan"])
def test_a_curriculum_without_shares_is_refused(given):
    with pytest.raises(UsageError, match="wanted TEXT:SHARE|names the texts") as error:
        from_options({"curriculum": f"{given},c.txt:1"} if ":" not in given else {"curriculum": given})
    assert "a.txt:0.3,b.txt:0.7" in str(error.value)


def test_a_curriculum_stands_for_data():
    found = from_options({"curriculum": "a.txt:0.3,C:\\b.txt:0.70"})
    assert found == {"data": "a.txt,C:\\b.txt", "curriculum": "0.3,0.7"}
    assert from_options({"curriculum": "a.txt:0.3, C:\\b.txt:0.70"}) == found
    assert from_options({"data": "a.txt,b.txt", "curriculum": "0.3,0.7"})["curriculum"] == "0.3,0.7"       # a run's own
    with pytest.raises(UsageError, match="leave --data out"):
        from_options({"curriculum": "a.txt:1", "data": "a.txt"})


# ---- progressive ------------------------------------------------------------------------------------------
def test_sequences_grow_and_batches_keep_their_tokens():
    shapes = [x.shape for x, _ in run_through(course(seq_lens=(2, 4, 8)), 6)]
    assert shapes == [(16, 2)] * 2 + [(8, 4)] * 2 + [(4, 8)] * 2


def test_shorter_sequences_are_the_same_tokens_and_targets():
    for (x, y), (short_x, short_y) in zip(run_through(course(), 6), run_through(course(seq_lens=(2,)), 6)):
        np.testing.assert_array_equal(x.ravel(), short_x.ravel())
        np.testing.assert_array_equal(y.ravel(), short_y.ravel())
        assert (short_y == short_x + 1).all()


@pytest.mark.parametrize("given, seq_len", [("64,100,256", None), ("64,128", 256), ("x", None), ("0,256", None),
                                            ("", None)])
def test_lengths_that_do_not_divide_the_last_are_refused(given, seq_len):
    with pytest.raises(UsageError, match="64,128,256"):
        parse_progressive(given, seq_len)


# ---- parts of a corpus --------------------------------------------------------------------------------------
@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\n\n".join(f"story {k} " + "word " * (k % 10) for k in range(400)), encoding="utf-8")
    return open_corpus(str(path))


def test_stories_by_length(corpus):
    found = list(select(corpus, min_words=4, max_words=6).stories())
    assert {len(story.split()) for story in found} == {4, 5, 6} and len(found) == 120


def test_a_random_share_of_the_stories_is_the_same_every_time(corpus):
    found = list(select(corpus, subset=0.25).stories())
    assert 60 < len(found) < 140 and found == list(select(corpus, subset=0.25).stories())
    assert set(found) <= set(select(corpus, subset=0.5).stories())


def test_the_first_stories(corpus):
    assert list(select(corpus, max_stories=7).stories()) == list(corpus.stories())[:7]


def test_parts_have_fingerprints_of_their_own(corpus):
    parts = [select(corpus), select(corpus, subset=0.5), select(corpus, subset=0.25), select(corpus, max_stories=7),
             select(corpus, min_words=7), select(corpus, max_words=7)]
    assert len({part.fingerprint for part in parts}) == len(parts) and parts[0] is corpus


# ---- whole runs -----------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    for name, seed in (("a", 1), ("b", 2)):
        (folder / f"{name}.txt").write_text("\n\n".join(stories(300, seed)), encoding="utf-8")
    return folder


SMALL = [*TINY, "--set", "dim=32", "--set", "layers=1", "--set", "hidden=32"]


def test_a_run_with_a_curriculum_and_growing_sequences_resumes_to_the_same_weights(texts, here, tmp_path):
    how = [*SMALL, "--curriculum", f"{texts / 'a.txt'}:0.5,{texts / 'b.txt'}:0.5", "--progressive", "8,32"]
    here("train", *how, "--save-dir", tmp_path / "whole")
    here("train", *how, "--save-dir", tmp_path / "parts", "--patience", 1, "--target-bpc", 99)
    assert log(tmp_path / "parts", "eval")[-1]["step"] == 10
    here("train", "--resume", tmp_path / "parts", "--target-bpc", 0.001)
    assert learned(tmp_path / "parts") == learned(tmp_path / "whole")


def test_a_harder_text_is_no_unsound_step(texts, here, tmp_path, monkeypatch):
    """The guard knows how high the loss of each text is."""
    monkeypatch.setattr(guard, "JUMP", 0.5)
    easy, hard = tmp_path / "easy.txt", texts / "a.txt"
    easy.write_text("\n\n".join(" ".join(["The cat sat."] * (20 + k)) for k in range(100)), encoding="utf-8")
    result = here("train", *SMALL, "--steps", 80, "--lr", 0.05, "--curriculum", f"{easy}:0.5,{hard}:0.5", "--save-dir",
                  tmp_path / "run")
    assert result.code == 0 and "jumped" not in result.err
    before, after = (float(e["loss"]) for e in log(tmp_path / "run", "train") if e["step"] in (40, 50))
    assert after > before + 1


def test_a_run_reads_a_part_of_its_text(texts, here, tmp_path):
    here("train", *SMALL, "--data", texts / "a.txt", "--max-words", 60, "--subset", 0.5, "--save-dir", tmp_path / "a")
    facts = log(tmp_path / "a", "start")[0]["facts"]
    short = [story for story in stories(300, 1) if len(story.split()) <= 60]
    assert 0.3 * len(short) < int(facts["stories"]) < 0.7 * len(short)
