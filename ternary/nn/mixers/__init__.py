"""Token mixers: layers that mix tokens over time, in the one form `layer(x, state=None)`."""
