"""This machine: cores, memory, threads."""
