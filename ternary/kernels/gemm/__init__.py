"""Matrix products: operand layouts, ternary weights, blocked products, products by look-up, weight gradients."""
