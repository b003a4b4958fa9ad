"""The `ternary` command: light start, and errors that become a line, a JSON object and an exit code.

These tests need the package installed (`pip install -e .`), which maps the folder `cli/` to `ternary.cli`.
"""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import ternary
from ternary import __version__
from ternary.machine.streams import open_streams

# puts a command of our own in the place of `ternary models`
STUB = """
import sys, types, click, numpy
from ternary import errors
from ternary.cli import common, main as cli
stub = sys.modules["ternary.cli.models"] = types.ModuleType("ternary.cli.models")
@click.command()
@common.json_option
@click.option("--top-p", type=common.Number(float, common.Rule(example=0.95, above=0, at_most=1)))
@click.option("--steps", type=common.positive_int(100))
@click.argument("what", default="nothing")
def command(as_json, top_p, steps, what):
{body}
stub.command = command
cli.main()
"""


def start(*args, body=None, **options):
    code = ["-m", "ternary"] if body is None else ["-c", STUB.format(body=f"    {body}")]
    environ = {k: v for k, v in os.environ.items() if k != "TERNARY_DEBUG"} | options.pop("env", {})
    return subprocess.Popen(
        [sys.executable, *code, *args],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options},
        env=environ,
    )


def run(*args, body=None, **options):
    """Exit code, stdout and stderr of `ternary ARGS`; `body` is the code of the command `models`."""
    process = start(*args, body=body, **options)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_help_lists_the_commands_without_loading_them():
    code = (
        "import sys, ternary.cli.main as cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit as stop: assert not stop.code\n"
        "heavy = {'numpy', 'numba', 'datasets', 'rich', *('ternary.cli.' + c for c in cli.COMMANDS)}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "print(*cli.COMMANDS)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    commands = out.splitlines()[-1].split()
    assert {"train", "generate", "eval", "bench", "models"} <= set(commands)
    listed = out.split("Commands:")[1].splitlines()[1:-1]
    assert [line.split()[0] for line in listed] == commands
    assert all(len(line.split()) > 2 for line in listed)


def test_version():
    code, out, _ = run("--version")
    assert code == 0 and __version__ in out


def test_a_command_gets_its_options():
    code, out, err = run("models", "--steps", "7", "x", body="print(top_p, steps, what, as_json)")
    assert (code, out, err) == (0, "None 7 x False\n", "")


def test_help_of_a_command():
    code, out, _ = run("models", "--help", body="pass")
    assert code == 0 and "Usage: ternary models" in out and "--json" in out


def test_a_command_may_choose_its_exit_code():
    assert run("models", body="click.get_current_context().exit(9)")[0] == 9
    assert run("models", body="return 5")[0] == 0


# --- errors


@pytest.mark.parametrize(
    "raised, exit_code, name",
    [
        ("errors.DataError('no such\\n  file')", 3, "data"),
        ("errors.ModelFileError('no such file')", 4, "model_file"),
        ("errors.NetworkError('no such file')", 7, "network"),
    ],
)
def test_errors_of_the_house(raised, exit_code, name):
    code, out, err = run("models", body=f"raise {raised}")
    assert (code, out, err) == (exit_code, "", "Error: no such file\n")
    code, out, err = run("models", "--json", body=f"print('so far'); raise {raised}")
    assert code == exit_code and err == "Error: no such file\n"
    assert json.loads(out.splitlines()[-1]) == {"error": {"code": name, "message": "no such file"}}


def test_memory_errors():
    code, _, err = run("models", body="numpy.empty(1 << 50)")
    assert code == 5 and err.startswith("Error: out of memory") and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "args", [["trian"], ["models", "--nope"], ["models", "a", "b"], ["--nope"], ["models", "--steps"]]
)
def test_usage_errors(args):
    code, out, err = run(*args, body="pass")
    assert code == 2 and out == "" and "Error: " in err and "Traceback" not in err
    code, out, _ = run(*args[:1], "--json", *args[1:], body="pass")
    error = json.loads(out.splitlines()[-1])["error"]
    assert code == 2 and error["code"] == "usage" and error["message"]


def test_a_mistyped_command_is_guessed():
    assert run("trian")[2] == "Error: no such command: trian; did you mean train?\n"
    assert "one of train, launch, generate" in run("xyz")[2]


def test_errors_inside_are_one_line_unless_debugging():
    body = "raise KeyError('lost')"
    code, out, err = run("models", body=body)
    assert code == 1 and out == ""
    assert err == "Error: internal error (KeyError: 'lost'); run again with --debug\n"
    for args, env in (
        (["--debug", "models"], {}),
        (["models", "--debug"], {}),
        (["models"], {"TERNARY_DEBUG": "1"}),
    ):
        code, _, err = run(*args, body=body, env=env)
        assert code == 1 and "Traceback" in err and "in command" in err
    assert "Traceback" not in run("models", body=body, env={"TERNARY_DEBUG": "0"})[2]
    out = run("models", "--json", body=body)[1]
    assert json.loads(out)["error"]["code"] == "internal"


def test_a_library_that_does_not_load():
    code, _, err = run("models", body="raise ImportError('Numba needs NumPy 2.3 or less. Got NumPy 9.9.')")
    assert code == 5 and err == ("Error: a library does not load (Numba needs NumPy 2.3 or less. Got NumPy 9.9.); "
                                 "pip install --force-reinstall numba numpy\n")
    code, _, err = run("models", body="raise ImportError('no such symbol', name='pyarrow.lib')")
    assert code == 5 and err.endswith("; pip install --force-reinstall pyarrow\n")
    code, _, err = run("models", body="from ternary import nowhere")
    assert code == 1 and err.startswith("Error: internal error (ImportError: ") and "reinstall" not in err


@pytest.mark.parametrize("line, code, what", [
    ("{}['lost']", 1, "KeyError: 'lost'"), ("import nowhere", 1, "ModuleNotFoundError: "),
    ("import json; json.loads('?')", 1, "JSONDecodeError: "), ("open('gone')", 5, "gone: No such file or directory")])
def test_an_error_in_code_of_the_user_names_its_line(tmp_path, line, code, what):
    (tmp_path / "mine.py").write_text(f"def read():\n    yield 'a'\n    {line}\n")
    body = "from ternary.text.readers import READERS; list(READERS.get('mine.py:read')())"
    found, _, err = run("models", body=body, cwd=tmp_path)
    assert found == code and err.startswith(f"Error: mine.py, line 3: {what}") and "; --debug shows " in err


def test_flags_behind_two_dashes_are_words():
    assert run("models", "--", "--debug", body="print(what)")[1] == "--debug\n"
    code, out, _ = run("models", "--", "--json", body="raise errors.DataError(what)")
    assert code == 3 and out == ""


def test_other_exceptions_of_click():
    code, out, err = run("models", "--json", body="raise click.ClickException('broken')")
    assert code == 1 and err == "Error: broken\n"
    assert json.loads(out)["error"] == {"code": "error", "message": "broken"}


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_interrupt():
    process = start("models", body="import time; print('ready', flush=True); time.sleep(60)")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in err


@pytest.mark.skipif(os.name != "posix", reason="pipes")
@pytest.mark.parametrize("body", ["for i in range(100000): print(i)", "sys.stdin.read(); print('late')"])
def test_a_reader_that_goes_away(body):
    process = start("models", body=body, stdin=subprocess.PIPE)
    if "late" not in body:
        assert process.stdout.readline() == "0\n"
    process.stdout.close()
    process.stdin.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 141 and err == ""


# --- habits


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "ternary", "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and __version__ in done.stdout


def test_the_module_runs_in_a_clone_installed_without_e():
    code = (f"import sys; sys.meta_path = [f for f in sys.meta_path if 'editable' not in str(f).lower()]; "
            f"sys.path.insert(0, {str(Path(ternary.__file__).parents[1])!r}); sys.argv = ['ternary', '--version']; "
            "import runpy; runpy.run_module('ternary', run_name='__main__')")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and __version__ in done.stdout, done.stderr


def test_help_is_a_word_too():
    assert run("help")[:2] == run("--help")[:2]
    assert run("help", "data", "prepare")[:2] == run("data", "prepare", "--help")[:2]
    assert run("help", "trian")[2] == "Error: no such command: trian; did you mean train?\n"


def test_a_group_alone_prints_its_help():
    code, out, err = run("data")
    assert (code, out, err) == (0, run("data", "--help")[1], "")


def test_an_argument_that_looks_like_an_option():
    code, _, err = run("models", "-x", body="print(what)")
    assert code == 2 and "if it is the WHAT, give it last and write -- before it" in err
    assert run("models", "--", "-x", body="print(what)")[1] == "-x\n"


def test_what_takes_several_is_given_once():
    code, _, err = run("train", "--data", "a.txt", "--data", "b.txt")
    assert code == 2 and err.endswith("--data is given 2 times; give it once, with commas between: "
                                      "--data a.txt,b.txt\n")


def test_a_home_folder_is_found_behind_an_equals_sign(tmp_path):
    env = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "TERNARY_CACHE": "~/cache"}
    code, _, err = run("generate", "--checkpoint=~/run", env=env)
    assert code == 4 and str(tmp_path / "run") in err and "~" not in err
    code, _, err = run("train", "--data=fables,~/absent.txt", "--save-dir=~/run", env=env)
    assert code == 3 and str(tmp_path / "absent.txt") in err
    assert (tmp_path / "cache").exists()


# --- streams


@pytest.mark.skipif(os.name != "posix", reason="a shell that closes streams")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(closed, tmp_path):
    program = tmp_path / "program.py"
    body = "print('text'); print('note', file=sys.stderr); print(sys.stdin.read()); open(what, 'w').write('kept')"
    program.write_text(STUB.format(body=f"    {body}"), encoding="utf-8")
    kept = tmp_path / "kept"
    done = subprocess.run(f'"{sys.executable}" "{program}" models "{kept}" {closed}', shell=True, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and kept.read_text() == "kept", done.stderr
    assert done.stdout.strip() == ("" if ">&-" in closed.split() else "text")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device")
def test_a_full_standard_output():
    with open("/dev/full", "w") as full:
        process = subprocess.run([sys.executable, "-m", "ternary", "--version"], stdout=full, stderr=subprocess.PIPE,
                                 text=True)
    assert process.returncode == 1 and process.stderr.startswith("Error: standard output cannot be written (No space")
    assert process.stderr.count("\n") == 1


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii"])
def test_consoles_that_lack_characters(encoding):
    body = "click.echo('“李”'); print('“李”', file=sys.stderr); print('“李”'); raise errors.DataError('李')"
    code, out, err = run("models", body=body, env={"PYTHONIOENCODING": encoding}, encoding="latin-1", errors="replace")
    assert code == 3 and "Error: \\u674e" in err and "\\u674e" in out and "Traceback" not in err


def test_lines_end_alike_on_all_systems(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", newline="\r\n"))
    open_streams()
    print("a ü")
    sys.stdout.flush()
    assert written.getvalue() == b"a \\xfc\n"


# --- numbers


def test_numbers_on_the_command_line():
    code, out, err = run("models", "--json", "--top-p", "1.5", body="pass")
    message = "--top-p is 1.5; wanted above 0 and at most 1; e.g. --top-p 0.95"
    assert (code, err) == (2, f"Error: {message}\n")
    assert json.loads(out) == {"error": {"code": "usage", "message": message}}
