"""The Python API: what a notebook user types."""
import copy
import subprocess
import sys
from threading import Thread

import numba
import numpy as np
import pytest
from tiny import SIZES

import ternary
from ternary.errors import UsageError


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    (folder / "text.txt").write_text("\n\n".join(f"The cat number {k} sat on a mat and slept." for k in range(300)))
    return ternary.train(data=str(folder / "text.txt"), model="bolt-small", steps=2, vocab_size=300, batch_size=2,
                         seq_len=32, save_dir=str(folder / "run"), optimizer="lion", schedule="wsd", set=SIZES)


def test_train_returns_the_run(run):
    assert run.result["step"] == 2 and np.isfinite(run.result["val_bpc"])
    assert "np." not in repr(run.result)              # as a notebook shows it


def test_a_loaded_model_generates_scores_and_gives_logits(run):
    lm = run.load()
    assert isinstance(lm.generate("The cat", max_tokens=5, temperature=0), str)
    assert "".join(lm.stream("The", max_tokens=5, seed=1)) == lm.generate("The", max_tokens=5, seed=1)
    ids = lm.tokenizer.encode("The cat")
    assert lm.logits("The cat").shape == (1 + len(ids), lm.config.vocab_size)
    scores = lm.evaluate(["The cat sat on a mat."])
    assert scores["bpc"] > 0 and "np." not in repr(scores)


def test_a_text_that_is_fed_in_pieces_is_the_text(run):
    lm = ternary.load(run.folder)
    state = lm.init_state()
    lm.feed(state, "The cat")
    kept = copy.deepcopy(state)
    expected = lm.feed(state, " sat")
    np.testing.assert_allclose(expected, lm.feed(kept, " sat"))
    whole = lm.logits("The cat")
    np.testing.assert_allclose(lm.feed(lm.init_state(), "The cat"), whole[-1], atol=2e-4)


def test_models_work_in_threads_side_by_side(run):
    texts = {}

    def work(k):
        texts[k] = ternary.load(run.folder).generate("The", max_tokens=8, temperature=0)

    work("alone")
    threads = [Thread(target=work, args=(k,)) for k in range(2)]
    for t in threads:
        t.start()
        if numba.threading_layer() == "workqueue":         # does not allow two threads in kernels at once
            t.join()
    for t in threads:
        t.join()
    assert texts[0] == texts[1] == texts["alone"]


def test_threads_are_those_of_each_call(run):
    before = numba.get_num_threads()
    try:
        ternary.train(data=str(run.folder.parent / "text.txt"), steps=1, vocab_size=300, batch_size=2, seq_len=32,
                      threads=1, save_dir=str(run.folder.parent / "one"), set=SIZES, callbacks=None)
        assert numba.get_num_threads() == before
        ternary.load(run.folder, threads=1)
        assert numba.get_num_threads() == 1
        ternary.load(run.folder, threads=10_000)
        assert numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS
    finally:
        numba.set_num_threads(before)


def test_one_text_is_no_list_of_stories(run):
    with pytest.raises(UsageError, match="stories is a text, 'The cat'; wanted a list"):
        run.load().evaluate("The cat")


@pytest.mark.parametrize("option, near", [("batch", "batch_size"), ("vocab", "vocab_size"), ("stepz", "steps")])
def test_an_option_that_is_nearly_known_is_named(option, near):
    with pytest.raises(UsageError, match=f"no option '{option}'; did you mean {near}[?] it has model"):
        ternary.train(**{option: 4})


def test_an_unknown_option_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="no option 'learning_rate'.*lr"):
        ternary.train(learning_rate=1.0)


def test_importing_the_package_imports_neither_numpy_nor_numba():
    code = "import sys, ternary; assert not {'numpy', 'numba'} & set(sys.modules), 'too much'"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
