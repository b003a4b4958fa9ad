"""The page of a run: what it shows, that it is whole and self-contained; runs side by side."""
import html.parser
import json
import os
import re
import shutil

import pytest
from tiny import TINY, log

from ternary.report import page
from ternary.report.svg import Line, bounds, chart, label, thinned, ticks
from ternary.training.callbacks import report as reports
from ternary.training.logbook import read_log


class Parsed(html.parser.HTMLParser):
    """Tags that are opened and not closed, and all addresses."""
    VOID = {"meta", "path", "circle", "br"}

    def __init__(self, text):
        super().__init__()
        self.stack, self.addresses, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action")]
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.stack and self.stack.pop() == tag, tag


@pytest.fixture
def copy(finished, tmp_path):
    return shutil.copytree(finished[0], tmp_path / "copy", symlinks=True)


def test_every_run_has_a_page_that_needs_nothing_else(finished):
    text = (finished[0] / "report.html").read_text(encoding="utf-8")
    parsed = Parsed(text)
    assert parsed.stack in ([], ["html", "body"]) and not parsed.addresses
    assert "http" not in text and "<script" not in text and "viewport" in text
    assert parsed.tags.count("svg") == 8 and "nan" not in text.lower().replace("nanoseconds", "")
    for said in ("Bits per character", "validation BPC, best", "Samples", "Ternary weights", "blocks.0.mixer.up",
                 "Machine and data", "--resume", "ternary generate", "weight_decay"):
        assert said in text, said
    best = min(float(e["val_bpc"]) for e in log(finished[0], "eval"))
    assert f"{best:.4f}" in text and "of it trained on<b>0 of 5 stories</b>" in text


def test_the_log_holds_shares_of_trits_that_add_up(finished):
    [*_, last] = log(finished[0], "eval")
    assert len(last["trits"]) == 2 * 5
    for shares in last["trits"].values():
        assert sum(map(float, shares)) == pytest.approx(1, abs=2e-4) and all(0 <= float(s) <= 1 for s in shares)


def test_the_title_names_files_without_their_folders(copy):
    entries = read_log(copy)
    entries["start"][-1]["settings"]["data"] = "/some/where/a.txt,owner/name"
    page.write_report(copy, entries, "resume")
    assert "<h1>bolt-small on a.txt, name</h1>" in (copy / "report.html").read_text()


def test_text_is_escaped(copy):
    entries = read_log(copy)
    entries["eval"][-1]["sample"] = "<script>alert('x')</script> & more"
    entries["start"][-1]["settings"]["data"] = "<img src=x>"
    entries["event"].append({"step": 3, "text": "<b>event</b>"})
    page.write_report(copy, entries, "resume & <go>")
    text = (copy / "report.html").read_text()
    assert "<script" not in text and "<img" not in text and "<b>event" not in text
    assert "&lt;script&gt;" in text and "&lt;b&gt;event" in text


def test_names_that_are_no_text_do_not_keep_the_page_from_being_written(copy):
    page.write_report(copy, read_log(copy), "ternary train --resume run\udcff")
    assert r"run\udcff" in (copy / "report.html").read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_does_not_end_a_run(here, corpus, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(reports, "write_report", full)
    result = here("train", "--data", corpus, *TINY, "--save-dir", tmp_path / "run")
    assert result.code == 0 and "report.html cannot be written (No space left on device)" in result.err


def test_a_torn_log_still_has_a_page(copy):
    with open(copy / "log.jsonl", "a") as f:
        f.write('{"kind": "train", "st')
    page.write_report(copy, read_log(copy), "")
    assert not os.path.exists(copy / "report.html.tmp")


def test_compare(here, finished, copy, tmp_path):
    text = (copy / "log.jsonl").read_text().replace('"seed": 42', '"seed": 7')
    (copy / "log.jsonl").write_text(text)
    result = here("compare", finished[0], copy, "--out", tmp_path / "both.html", "--json")
    rows = json.loads(result.out)
    assert result.code == 0 and [row["seed"] for row in rows] == [42, 7] and "lr" not in rows[0]
    assert rows[0]["best_bpc"] == rows[1]["best_bpc"] and rows[0]["step"] == 40 and rows[0]["tokens"] == 40 * 64
    assert (rows[0]["seen"], rows[0]["stories"]) == (0, 5)
    page_text = (tmp_path / "both.html").read_text()
    parsed = Parsed(page_text)
    assert parsed.tags.count("svg") == 2 and not parsed.addresses and ">seen</th>" in page_text
    result = here("compare", finished[0], tmp_path)
    assert result.code == 4 and "has no log.jsonl of a run" in result.err
    (tmp_path / "log.jsonl").touch()
    result = here("compare", finished[0], tmp_path)
    assert result.code == 4 and "ended before its first step" in result.err
    result = here("compare", finished[0], "--out", tmp_path / "absent" / "x.html")
    assert result.code == 5 and "cannot write" in result.err


def test_scores_of_version_0_1_do_not_say_what_was_trained_on(here, copy):
    lines = [json.loads(line) for line in (copy / "log.jsonl").read_text().splitlines()]
    for line in lines:
        line.pop("seen", None), line.pop("stories", None)
    (copy / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert json.loads(here("compare", copy, "--json").out)[0]["seen"] is None
    page.write_report(copy, read_log(copy), "")
    assert "trained on" not in (copy / "report.html").read_text().partition("Machine and data")[0]


# --- charts


def test_ticks_are_round_and_inside():
    assert ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert ticks(0.13, 0.47) == pytest.approx([0.2, 0.3, 0.4])
    assert ticks(5, 5) == [5]
    for low, high in ((-3, 7e6), (1e-5, 3e-5), (0.99, 1.01)):
        found = ticks(low, high)
        assert 2 <= len(found) <= 7 and low - 1e-9 * abs(low) <= found[0] and found[-1] <= high * (1 + 1e-9)


def test_labels():
    assert [label(x) for x in (0, 0.004, 25, 9999, 12_000, 1_250_000, 3e9)] == \
        ["0", "0.004", "25", "9999", "12k", "1.25M", "3G"]


def test_many_points_are_thinned_and_holes_left_out():
    points = thinned(range(10_000), [1.0] * 10_000)
    assert len(points) <= 400 and points[-1][0] > 9900
    assert thinned([1, 2, 3], [1.0, None, float("nan")]) == [(1.0, 1.0)]


def test_a_few_towering_values_do_not_flatten_the_rest():
    assert bounds([1.0] * 50 + [1000.0], zero=True)[1] < 5
    assert bounds([1.0, 2.0, 3.0], zero=False) == pytest.approx((0.92, 3.08))
    assert bounds([9.0, 3.0, 2.8, 2.6], zero=False)[1] < 6


def test_a_chart_stays_inside_its_frame():
    svg = chart([Line("a", [0, 1, 2], [5.0, 1.0, 3.0]), Line("nothing", [], [])], "x", "y")
    numbers = [float(n) for path in re.findall(r'd="M([^"]+)" fill', svg) for n in re.findall(r"[\d.]+", path)]
    assert numbers and all(0 <= n <= 560 for n in numbers) and "nothing" not in svg
    assert chart([], "x", "y") == "" and chart([Line("one", [1], [2.0])], "x", "y").count("<circle") == 1
