"""`ternary generate`: streams, prompts from elsewhere, and what it says while one waits."""
import io
import json
import os
import subprocess
import sys

import pytest

from ternary.checkpoint.load import restore
from ternary.cli import generate as cli_generate
from ternary.cli.generate import Clock
from ternary.inference.compiled import CompiledDecoder
from ternary.inference.generation import BURST, Engine, Sampling

# --- the command


def test_the_command_streams_what_json_holds(finished, here):
    arguments = ["generate", "The red cat", "--checkpoint", finished[0], "--max-tokens", 20, "--seed", 3]
    streamed, whole, result = here(*arguments), here(*arguments, "--no-stream"), here(*arguments, "--json")
    assert streamed.code == whole.code == result.code == 0
    assert set(result.json) >= {"text", "tokens", "seconds", "tokens_per_second"}
    assert streamed.out == whole.out == result.json["text"] + "\n" and streamed.err == ""
    assert result.json["text"].startswith("The red cat") and 0 < result.json["tokens"] <= 20
    assert here(*arguments[:-1], 4).out != streamed.out
    assert here(*arguments[:-1], 4, "--temperature", 0).out == here(*arguments, "--temperature", 0).out


def test_the_command_is_the_engine(finished, here):
    restored = restore(finished[0])
    text = Engine(restored.model, restored.tokenizer).generate("", 15, Sampling(top_k=5, top_p=0.9), 2)
    result = here("generate", "--checkpoint", finished[0], "--max-tokens", 15,
                  "--top-k", 5, "--top-p", 0.9, "--seed", 2)
    assert result.out == text + "\n"


def test_arguments_that_are_no_text(finished, here):
    result = here("generate", "a\udcffb", "--checkpoint", finished[0], "--max-tokens", 2, "--json")
    assert result.code == 0 and result.json["text"].startswith("a\ufffdb")


# --- long prompts, and prompts from elsewhere


def test_the_clock_does_not_count_the_prompt(finished, here, monkeypatch):
    """A second of reading, on a clock that only the decoder moves."""
    now, read, generate = [100.0], CompiledDecoder.read, CompiledDecoder.generate

    def slowly(self, *args):
        now[0] += 1.0
        return read(self, *args)

    def generating(self, last, state, sampling, silent, uniforms):
        now[0] += 0.25
        return generate(self, last, state, sampling, silent, uniforms)

    monkeypatch.setattr(CompiledDecoder, "read", slowly)
    monkeypatch.setattr(CompiledDecoder, "generate", generating)
    monkeypatch.setattr(cli_generate.time, "perf_counter", lambda: now[0])
    result = here("generate", "The red cat", "--checkpoint", finished[0], "--max-tokens", BURST + 5, "--json").json
    assert result["prompt_tokens"] > 1 and result["tokens"] > BURST and result["prompt_seconds"] == 1.0
    assert result["seconds"] == 0.5 and result["tokens_per_second"] == result["tokens"] / result["seconds"]


def test_what_generate_is_doing():
    clock = Clock()
    assert str(clock) == "loading the model, its kernels and the prompt"
    clock.read(2048, 9000)
    assert str(clock) == "reading the prompt: 2,048 of 9,000 tokens"
    clock.read(9000, 9000)
    clock.tokens = 3
    assert str(clock) == "generating: 3 tokens"
    clock.shown = True
    assert str(clock) == ""                       # the text itself is seen
    assert str(clock) == "generating: 3 tokens"


@pytest.mark.parametrize("given, prompt", [
    (b"The red cat", "The red cat"), (b"The red\r\ncat\r\n", "The red\ncat"), (b"a\xffb", "a\ufffdb"),
    (b"a\n\n", "a\n"), ("\ufeffÜber".encode(), "Über"), ("Über".encode("utf-16"), "Über"),
    ("\ufeffÜber\n".encode("utf-16-be"), "Über")])
def test_a_prompt_from_standard_input(finished, here, monkeypatch, given, prompt):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    result = here("generate", "-", "--checkpoint", finished[0], "--max-tokens", 2, "--json")
    assert result.code == 0 and result.json["text"].startswith(prompt)
    assert len(result.json["text"]) < len(prompt) + 30


def test_many_prompts_from_a_file(finished, here, tmp_path, monkeypatch):
    (tmp_path / "prompts.txt").write_text("The red cat\n\nÜber\n", encoding="utf-8")
    monkeypatch.setattr(cli_generate, "TOGETHER", 2)
    arguments = ["--checkpoint", finished[0], "--max-tokens", 9]
    result = here("generate", "--prompts", tmp_path / "prompts.txt", *arguments, "--seed", 3, "--threads", 1, "--json")
    alone = [here("generate", prompt, *arguments, "--seed", seed, "--json").json["text"]
             for seed, prompt in enumerate(("The red cat", "", "Über"), 3)]
    assert [json.loads(line) for line in result.out.splitlines()] == [
        {"prompt": prompt, "text": text} for prompt, text in zip(("The red cat", "", "Über"), alone)]
    shown = here("generate", "--prompts", tmp_path / "prompts.txt", *arguments, "--seed", 3)
    assert shown.out == "".join(text + "\n\n" for text in alone)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("The red cat\n\nÜber".encode())))
    assert here("generate", "--prompts", "-", *arguments, "--seed", 3).out == shown.out


@pytest.mark.parametrize("arguments, error", [
    (["--prompts", "absent.txt"], "--prompts absent.txt cannot be read (No such file or directory); name a text file"),
    (["--prompts", ""], "cannot be read"),
    (["--prompts", "empty.txt"], "--prompts empty.txt is empty; wanted a prompt on each line"),
    (["a", "--prompts", "empty.txt"], "leave those out, or --prompts"),
    (["a", "--save-state", "."], "--save-state .: wanted a file"),
    (["a", "--save-state", "absent/a"], "in a folder that is there")])
def test_what_is_refused_before_the_model_is_loaded(here, tmp_path, monkeypatch, arguments, error):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").touch()
    result = here("generate", *arguments)
    assert result.code == 2 and error in result.err and result.out == ""


@pytest.mark.skipif(os.name != "posix", reason="arguments that are bytes")
def test_a_prompt_in_the_locale_c(finished):
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "ternary", "generate", "--checkpoint", str(finished[0]), "--max-tokens", "2"]
    done = subprocess.run([*command, "Über".encode()], env=env, stdout=subprocess.PIPE)
    assert done.returncode == 0 and done.stdout.startswith("Über".encode())


def test_an_empty_standard_input(here, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    result = here("generate", "-")
    assert result.code == 2 and "standard input is empty" in result.err


@pytest.mark.skipif(os.name != "posix", reason="pipes that can be looked into")
def test_a_standard_input_that_is_not_read_is_named(finished, shell, tmp_path):
    command = "generate", "--checkpoint", finished[0], "--max-tokens", 2
    hint = "standard input is not read; to continue it: ternary generate -\n"
    (tmp_path / "prompt.txt").write_text("The red cat")
    with open(tmp_path / "prompt.txt") as file:
        assert hint in shell(*command, stdin=file).err
        assert file.read() == "The red cat"       # which a loop of the shell goes on with
    with open(os.devnull) as nothing:
        assert hint not in shell(*command, stdin=nothing).err


def test_a_prompt_that_begins_with_a_dash(finished, here):
    given = "--checkpoint", finished[0], "--max-tokens", 2
    assert here("generate", *given, "--", "- Who is there?").out.startswith("- Who is there?")
    result = here("generate", "- Who is there?", *given)
    assert result.code == 2 and "if it is the PROMPT, give it last and write -- before it" in result.err
