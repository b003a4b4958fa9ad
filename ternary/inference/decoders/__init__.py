"""Decoders: how the next token is chosen, one file each. A file here registers its class in DECODERS."""
from ternary.inference.decoders.base import DECODERS, Decoder

__all__ = ["DECODERS", "Decoder"]
