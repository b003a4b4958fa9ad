"""Every model by the command line: train, resume to the same bits, score, generate."""
import pytest
from test_models import VARIANTS
from tiny import learned, weights

from ternary.models import MODELS

RUN = "--steps 4 --batch 2 --seq-len 32 --vocab 512 --eval-every 2 --eval-stories 3 --threads 1".split()


@pytest.mark.parametrize("name", MODELS.names())
def test_a_model_trains_resumes_scores_and_generates(name, here, corpus, tmp_path):
    sizes = {"dim": 32, "layers": 2, "hidden": 64, **VARIANTS[name]}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    flags = ["--model", name, "--data", corpus, *RUN, *(x for k, v in sizes.items() for x in ("--set", f"{k}={v}"))]
    assert here("train", *flags, "--save-dir", whole).code == 0
    assert here("train", *flags, "--save-dir", parts, "--target-bpc", 99).code == 0        # to the first evaluation
    assert here("train", "--resume", parts, "--target-bpc", 0.001).code == 0
    assert weights(parts) == weights(whole) and learned(parts) == learned(whole)
    score = here("eval", "--checkpoint", whole, "--data", corpus, "--stories", 3, "--include-seen", "--json")
    assert score.code == 0 and 0 < score.json["bpc"] < 20
    text = here("generate", "The", "--checkpoint", whole, "--max-tokens", 5, "--json")
    assert text.code == 0 and text.json["text"].startswith("The") and text.json["tokens"] <= 5
