"""The script that helper processes start with, see helpers.py: SYS_PATH PACKAGE_FOLDER MODULE [ARGUMENT]...

SYS_PATH replaces the module search path before anything is imported, and the package `ternary` is the one in
PACKAGE_FOLDER: nothing comes from the working directory.
"""
import sys

sys.path[:] = sys.argv[1].split("\n")

import importlib.util  # noqa: E402
import os  # noqa: E402
import runpy  # noqa: E402
import signal  # noqa: E402


def main() -> None:
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # the process that started this one hears them, and ends this one
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    folder, module = sys.argv[2:4]
    init = os.path.join(folder, "__init__.py")
    spec = importlib.util.spec_from_file_location("ternary", init, submodule_search_locations=[folder])
    package = sys.modules["ternary"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    sys.argv[1:] = sys.argv[4:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
