"""Matrix products: packing, quantisation, look-up, blocked products, weight gradients."""
