"""A model as a list of primitive ops, which the decode engine and the exports read instead of the model's code."""
from ternary.graph.nodes import Graph, Node, Value
from ternary.graph.trace import trace

__all__ = ["Graph", "Node", "Value", "trace"]
