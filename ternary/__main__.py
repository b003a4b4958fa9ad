"""`python -m ternary` is the command `ternary`, also in a clone of the project that was installed without -e."""
from importlib.util import find_spec
from pathlib import Path

import ternary

if find_spec("ternary.cli") is None:              # Python found the clone's ternary/ first: the command lies beside it
    ternary.__path__.append(str(Path(__file__).parents[1]))

from ternary.cli.main import main

main()
