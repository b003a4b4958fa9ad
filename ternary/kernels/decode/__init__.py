"""Decoding: a model as a table of instructions, which one compiled loop runs over flat arrays.

Activations of a row are float32 in a flat array; a row is one of several streams, or one of several consecutive tokens
of a stream. All sizes of rows are padded to PANEL, what is behind them has no meaning.
"""
