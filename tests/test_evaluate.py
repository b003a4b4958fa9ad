"""Bits per character: every token and every character of a story counts, however stories are put together."""
import math

import numpy as np
import pytest
from tiny import stories

from ternary.autograd.pool import Pool
from ternary.autograd.tape import Tape
from ternary.errors import DataError, UsageError
from ternary.evaluation import protocol
from ternary.evaluation.protocol import evaluate, pairs, story_nats
from ternary.fables import bits_per_char
from ternary.fables import stories as fables
from ternary.models import MODELS
from ternary.models.bolt import Bolt, BoltConfig
from ternary.models.twin import short_twin
from ternary.text.tokenizer import Tokenizer

LONG = " ".join(stories(40))
TEXTS = ["a", "The cat.", "Ünïcödé 🐢 and 李, “quoted”.", *stories(5, seed=3), LONG[:4000]]


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train(stories(), 300)


@pytest.fixture(scope="module")
def model():
    model = Bolt(BoltConfig(300, dim=64, layers=2, hidden=64), seed=5)
    model.embed.weight.data *= 20         # opinions: without training all words are nearly alike
    return model


def by_steps(model, x, y):
    """Nats of the targets y after the inputs x, one token at a time, in float64."""
    tape, state, nats = Tape("fp32", record=False), model.init_state(), 0.0
    for token, target in zip(x, y):
        with tape:
            z = model.next_logits(np.array([[token]]), state)[0].astype(np.float64)
        nats += z.max() + np.log(np.exp(z - z.max()).sum()) - z[target]
    return nats


# --- against the step form


@pytest.mark.parametrize("protocol", ["honest", "flashlm"])
def test_nats_are_those_of_the_step_form(model, tokenizer, protocol):
    xy = [pairs(t, tokenizer, protocol) for t in TEXTS]
    xy = [p for p in xy if len(p[0])]
    wanted = [by_steps(model, x, y) for x, y in xy]
    assert min(wanted) / max(wanted) < 0.01 and max(len(x) for x, _ in xy) >= 256
    np.testing.assert_allclose(story_nats(model, xy, "fp32"), wanted, rtol=1e-4)


def test_the_result_is_made_of_these_nats(model, tokenizer):
    xy = [pairs(t, tokenizer, "honest") for t in TEXTS]
    nats, tokens = sum(by_steps(model, x, y) for x, y in xy), sum(len(x) for x, _ in xy)
    chars, size = sum(len(t) for t in TEXTS), sum(len(t.encode()) for t in TEXTS)
    assert size > chars                   # characters are code points, not bytes
    result = evaluate(model, tokenizer, TEXTS)
    wanted = {"nats_per_token": nats / tokens, "perplexity": math.exp(nats / tokens),
              "bits_per_token": nats / tokens / math.log(2), "bpc": nats / math.log(2) / chars,
              "bpb": nats / math.log(2) / size}
    assert {k: result[k] for k in wanted} == pytest.approx(wanted, rel=1e-3)
    assert (result["tokens"], result["chars"], result["stories"]) == (tokens, chars, len(TEXTS))
    assert result["protocol"] == "honest"


def test_figures_fit_each_other(model, tokenizer):
    r = evaluate(model, tokenizer, TEXTS)
    assert r["perplexity"] == pytest.approx(math.exp(r["nats_per_token"]))
    assert r["bits_per_token"] * math.log(2) == pytest.approx(r["nats_per_token"])
    assert r["bpc"] * r["chars"] == pytest.approx(r["bits_per_token"] * r["tokens"])
    assert r["bpb"] * sum(len(t.encode()) for t in TEXTS) == pytest.approx(r["bpc"] * r["chars"])


def test_company_changes_nothing(model, tokenizer):
    """Padding, batches and order: a story costs what it costs alone."""
    xy = [pairs(t, tokenizer, "honest") for t in TEXTS * 3]
    alone = [story_nats(model, [p], "fp32")[0] for p in xy[:len(TEXTS)]]
    np.testing.assert_allclose(story_nats(model, xy, "fp32"), alone * 3, rtol=1e-6)
    np.testing.assert_allclose(story_nats(model, xy[::-1], "fp32"), (alone * 3)[::-1], rtol=1e-6)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", ["bolt-small", "nova", "thunderbolt"])
def test_a_long_story_in_chunks_costs_what_it_costs_at_once(tokenizer, monkeypatch, name, precision):
    model = short_twin(MODELS.get(name)(seed=3), vocab_size=tokenizer.vocab_size)
    model.embed.weight.data *= 20
    xy = [pairs(text, tokenizer, "honest") for text in (LONG[:1500], "a", LONG[:3000])]
    assert len(xy[0][0]) > 256 and len(xy[0][0]) % 64
    whole = story_nats(model, xy, precision)
    monkeypatch.setattr(protocol, "ROWS", 64)
    np.testing.assert_allclose(story_nats(model, xy, precision), whole, rtol=1e-5 if precision == "fp32" else 1e-2)


def test_stories_of_one_chunk_are_scored_as_ever(model, tokenizer, monkeypatch):
    xy = [pairs(LONG, tokenizer, "honest")] * 4
    xy = [(np.resize(x, n), np.resize(y, n)) for (x, y), n in zip(xy, (protocol.ROWS, 2000, 33, 1))]
    before = story_nats(model, xy, "fp32")
    monkeypatch.setattr(protocol, "long_nats", None)          # not called
    assert (story_nats(model, xy, "fp32") == before).all()


@pytest.mark.parametrize("name", ["bolt-small", "nova"])
def test_memory_does_not_grow_with_the_length_of_a_story(tokenizer, monkeypatch, name):
    """Of buffers; the keys and values of attention do grow, but are no buffers."""
    model, taken = short_twin(MODELS.get(name)(seed=3), vocab_size=tokenizer.vocab_size), []

    class Counted(Pool):
        def empty(self, shape, dtype):
            found = super().empty(shape, dtype)
            taken.append(self.taken)
            return found

    monkeypatch.setattr("ternary.autograd.tape.Pool", Counted)
    monkeypatch.setattr(protocol, "Pool", Counted)
    monkeypatch.setattr(protocol, "ROWS", 64)
    monkeypatch.setattr(protocol, "POOL_LIMIT", 1 << 20)
    most = []
    for chunks in (4, 16):
        taken.clear()
        x = np.ones(chunks * 64 - 5, np.int64)
        story_nats(model, [(x, x)], "fp32")
        most.append(max(taken))
    assert most[1] < 1.5 * most[0] + (1 << 20 if name == "nova" else 0)


def test_half_precision_is_close(model, tokenizer):
    exact, half = (evaluate(model, tokenizer, TEXTS, precision=p)["bpc"] for p in ("fp32", "bf16"))
    assert half == pytest.approx(exact, rel=0.03)


# --- what is charged


def test_honest_charges_the_first_token_and_the_end(tokenizer):
    ids = tokenizer.encode("The cat.")
    x, y = pairs("The cat.", tokenizer, "honest")
    assert x.tolist() == [Tokenizer.EOS, *ids] and y.tolist() == [*ids, Tokenizer.EOS]
    assert len(pairs(LONG, tokenizer, "honest")[0]) == len(tokenizer.encode(LONG)) + 1 > 1000


def test_flashlm_charges_256_tokens_at_most_and_counts_all_characters(model, tokenizer):
    ids = tokenizer.encode(LONG)
    x, y = pairs(LONG, tokenizer, "flashlm")
    assert len(x) == 256 and x.tolist() == ids[:256] and y.tolist() == ids[1:257]
    short = stories(3)[0]
    assert len(pairs(short, tokenizer, "flashlm")[0]) == len(tokenizer.encode(short)) - 1
    result = evaluate(model, tokenizer, [LONG], protocol="flashlm")
    assert result["tokens"] == 256 and result["chars"] == len(LONG)
    assert result["bpc"] < 0.5 * evaluate(model, tokenizer, [LONG])["bpc"]
    assert "not comparable" in result["protocol"] and "flashlm" in result["protocol"]


def test_flashlm_leaves_out_short_stories(model, tokenizer):
    kept = "x" * 51
    result = evaluate(model, tokenizer, ["x" * 50, f"  {kept} \n", "  " + "x" * 50], protocol="flashlm")
    assert result["stories"] == 1 and result["chars"] == 51
    assert evaluate(model, tokenizer, ["x" * 50, kept])["stories"] == 2


def test_the_first_so_many(model, tokenizer):
    endless = (f"story {i}" for i in iter(int, 1))
    assert evaluate(model, tokenizer, endless, limit=7)["stories"] == 7
    assert evaluate(model, tokenizer, [" a ", "", "\n", "b"])["chars"] == 2


def test_nothing_to_evaluate(model, tokenizer):
    for texts in ([], [""], [" \n"]):
        with pytest.raises(DataError, match="no story"):
            evaluate(model, tokenizer, texts)
    with pytest.raises(DataError, match="no story"):
        evaluate(model, tokenizer, ["short"], protocol="flashlm")
    with pytest.raises(UsageError, match="--protocol is 'v5'; use one of honest, flashlm"):
        evaluate(model, tokenizer, ["a"], protocol="v5")


def test_evaluation_leaves_the_model_as_it_was(model, tokenizer):
    before = {name: p.data.copy() for name, p in model.parameters().items()}
    evaluate(model, tokenizer, TEXTS)
    for name, p in model.parameters().items():
        assert (p.data == before[name]).all() and not p.grad.any()


# --- the command


def test_the_command_agrees_with_the_run(finished, corpus, here):
    result = here("eval", "--checkpoint", finished[0], "--data", corpus, "--stories", 50, "--include-seen",
                  "--json")
    assert result.code == 0 and result.err == ""
    assert set(result.json) >= {"nats_per_token", "perplexity", "bits_per_token", "bpc", "bpb", "tokens", "chars",
                                "stories", "protocol"}
    assert result.json["stories"] == 50 and result.json["chars"] == sum(map(len, stories()[:50]))
    assert result.json["bpc"] == pytest.approx(finished[1]["val_bpc"], rel=0.1)
    assert "floor_bpc" not in result.json


def test_fables_have_a_floor(finished, here):
    scored = here("eval", "--checkpoint", finished[0], "--data", "fables", "--stories", 5, "--json")
    assert scored.code == 0, scored.err
    result = scored.json
    assert result["floor_bpc"] == pytest.approx(bits_per_char(fables(1, 0, 5)))
    assert result["gap_bpc"] == pytest.approx(result["bpc"] - result["floor_bpc"]) and result["gap_bpc"] > 0
    assert result["chars"] == sum(map(len, fables(1, 0, 5)))
    shown = here("eval", "--checkpoint", finished[0], "--data", "fables", "--stories", 5).out
    assert "floor_bpc" in shown and "gap_bpc" in shown
    truncated = here("eval", "--checkpoint", finished[0], "--data", "fables", "--stories", 5, "--protocol", "flashlm")
    assert truncated.code == 0 and "not comparable" in truncated.out and "floor" not in truncated.out
