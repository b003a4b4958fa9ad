"""`python -m ternary` is the command `ternary`."""
from ternary.cli.main import main

main()
