"""Token mixers: `__call__` over sequences, `init_state` and `step` for one token."""
