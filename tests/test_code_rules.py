"""Rules of the code base: imports point down, no file is executed, nothing is installed outside the package."""
import ast
import configparser
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "ternary").rglob("*.py")) + sorted((ROOT / "cli").rglob("*.py"))

# from the lowest to the highest; a layer imports those before it, and no layer shares a place with another
LAYERS = ["errors", "rng", "registry", "schema", "machine", "recipes", "config", "compiler", "autograd", "kernels",
          "ops", "nn", "models", "graph", "objectives", "fables", "text", "checkpoint", "evaluation", "inference",
          "export", "report", "training", "doctor", "bench", "api", "cli"]
RANK = {name: k for k, name in enumerate(LAYERS)}
FORBIDDEN = {("kernels", "autograd"), ("autograd", "kernels"), ("nn", "kernels"), ("models", "kernels"),
             ("text", "models"), ("fables", "models")}


def imports(path):
    """Every `ternary.xxx` that a file imports, at any depth, as its first part xxx."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "ternary" and len(parts) > 1 and parts[1] in RANK:
                yield parts[1]


def layer_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return "cli" if parts[0] == "cli" else parts[1]


def test_imports_point_down():
    wrong = [(str(path.relative_to(ROOT)), name) for path in FILES for name in imports(path)
             if layer_of(path) in RANK and (RANK[name] > RANK[layer_of(path)] or (layer_of(path), name) in FORBIDDEN)]
    assert not wrong


def test_no_file_is_longer_than_300_lines():
    folders = "ternary", "cli", "tests", "benchmarks", "examples"
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert not [path for path in files if len(path.read_text(encoding="utf-8").splitlines()) > 300]


def test_every_file_belongs_to_a_layer():
    assert {layer_of(p) for p in FILES} <= {*RANK, "__init__", "__main__"}


def test_no_file_runs_what_it_reads():
    """No pickle, no eval or exec, no marshal: loading a file never runs code."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {a.name.split(".")[0] for a in node.names} | {getattr(node, "module", None) or ""}
                assert not names & {"pickle", "marshal", "shelve", "dill", "joblib"}, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile"), path
            if isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "trust_remote_code"):
                pytest.fail(f"{path}: {node.arg}")


def test_torch_is_no_part_of_the_engine():
    for path in FILES:
        assert not re.search(r"^\s*(import|from) torch\b", path.read_text(encoding="utf-8"), re.MULTILINE), path


def test_fastmath_is_set_in_one_place():
    for path in FILES:
        if path.name != "jit.py":
            assert "fastmath=" not in re.sub(r"fastmath=\('reassoc',\)|fastmath=\(\"reassoc\",\)", "",
                                             path.read_text(encoding="utf-8")), path


def test_private_names_of_numba_are_used_in_one_file():
    """numba.njit, prange and types are public; code generation and dispatchers go through compiler/compat.py."""
    allowed = {"njit", "prange", "types"}
    for path in FILES:
        if path.name == "compat.py":
            continue
        compiled = {"compiler", "kernels"} & set(path.relative_to(ROOT).parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("_insert", "_compile_for_args", "_cache"), (path, node.lineno)
            names = {a.name for a in node.names} if isinstance(node, ast.Import | ast.ImportFrom) else set()
            modules = {node.module or ""} if isinstance(node, ast.ImportFrom) else names
            roots = {name.split(".")[0] for name in modules}
            assert "llvmlite" not in roots, (path, node.lineno)
            assert not any(name.startswith("numba.") for name in modules), (path, node.lineno)
            if compiled and modules == {"numba"}:
                assert isinstance(node, ast.ImportFrom) and names <= allowed, (path, node.lineno)


def test_imports_change_no_setting_of_numba():
    """`import ternary` loads neither NumPy nor Numba; the kernels leave the user's cache folder alone."""
    code = ("import sys, ternary; assert not {'numpy', 'numba'} & set(sys.modules)\n"
            "import numba; names = [name for name in dir(numba.config) if name.isupper()]\n"
            "before = {name: getattr(numba.config, name) for name in names}\n"
            "import ternary.kernels.norm\n"
            "changed = [name for name in names if getattr(numba.config, name) != before[name]]\n"
            "assert not changed, changed")
    env = {name: value for name, value in os.environ.items() if name != "TERNARY_ISA"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_command_line_is_no_package_of_its_own():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    packages = setup["options"]["packages"].split()
    assert all(name.split(".")[0] == "ternary" for name in packages)
    folders = {".".join(p.parent.relative_to(ROOT).parts) for p in FILES}
    assert {name.replace("ternary.cli", "cli") for name in packages} == folders
    top = importlib.metadata.distribution("ternary-lm").read_text("top_level.txt")
    assert top.split() == ["ternary"]


def test_the_readme_has_the_two_commands():
    """.ci/run takes the second from there."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(re.findall(r"^python3 -m venv .*ternary train.*$", text, re.MULTILINE)) == 1
    assert len(re.findall(r"^python3 -m venv .*pytest$", text, re.MULTILINE)) == 1
