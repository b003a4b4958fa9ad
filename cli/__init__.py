"""The command line: every command parses, builds and calls one function."""
