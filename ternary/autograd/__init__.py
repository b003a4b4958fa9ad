"""A small tape: tensors, the record of what happened to them, and a checker of gradients."""
