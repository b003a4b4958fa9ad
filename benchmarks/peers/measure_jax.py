"""Speed of whole training steps of a peer (forward, backward, clipping, AdamW) in JAX, one jitted function on the CPU.

    python benchmarks/peers/measure_jax.py --model bolt-small --mode bf16-chunked --batch 16 --seq-len 256

A mode is a precision (bf16: activations and products; weights, moments and the loss stay float32), and "-chunked" for a
head that is joined to the loss CHUNK tokens at a time.
"""

import os
from functools import partial

import jax
import jax.numpy as jnp
import jax_bolt
import timing

# model of ternary -> sizes that differ from those of jax_bolt
PEERS = {"bolt-small": {}, "bolt-large": {"dim": 384, "hidden": 1024, "layers": 8}}
STAGES = [["fp32", "bf16"], ["chunked"]]
DTYPES = {"fp32": jnp.float32, "bf16": jnp.bfloat16}
CHUNK = 512
LR, BETA1, BETA2, WEIGHT_DECAY, EPS, CLIP = 1e-3, 0.9, 0.95, 0.01, 1e-8, 1.0

State = tuple[jax_bolt.Weights, jax_bolt.Weights, jax_bolt.Weights, jax.Array]  # weights, both moments, steps


def build(name: str) -> jax_bolt.Weights:
    """New weights of the published size."""
    return jax_bolt.init(jax.random.key(0), **PEERS[name])


@partial(jax.jit, donate_argnums=0, static_argnames=("dtype", "rows"))
def update(
    state: State, x: jax.Array, y: jax.Array, dtype: jnp.dtype = jnp.float32, rows: int = 0
) -> tuple[State, jax.Array]:
    """One step of AdamW with clipping, as torch.optim.AdamW -> the next state, the loss before it."""
    weights, first, second, steps = state
    nats, grads = jax.value_and_grad(jax_bolt.loss)(weights, x, y, dtype, rows)
    norm = jnp.sqrt(sum(jnp.vdot(g, g) for g in grads.values()))
    grads = {k: g * jnp.minimum(1, CLIP / (norm + 1e-6)) for k, g in grads.items()}
    steps = steps + 1
    first = {k: BETA1 * m + (1 - BETA1) * grads[k] for k, m in first.items()}
    second = {k: BETA2 * v + (1 - BETA2) * grads[k] ** 2 for k, v in second.items()}
    scale1, scale2 = 1 / (1 - BETA1**steps), 1 / (1 - BETA2**steps)
    weights = {
        k: (1 - LR * WEIGHT_DECAY) * w - LR * scale1 * first[k] / (jnp.sqrt(scale2 * second[k]) + EPS)
        for k, w in weights.items()
    }
    return (weights, first, second, steps), nats


def start(weights: jax_bolt.Weights) -> State:
    """The state before the first step."""
    first, second = ({k: jnp.zeros_like(w) for k, w in weights.items()} for _ in range(2))
    return weights, first, second, jnp.zeros((), jnp.int32)


def prepare(name: str, mode: list[str], batch: int, seq_len: int, threads: int) -> timing.Step:
    """A step on random tokens."""
    os.environ["PJRT_NPROC"] = str(threads)  # read when the first array is made
    state = start(build(name))
    vocab = len(state[0]["embed.weight"])
    x, y = jax.random.randint(jax.random.key(1), (2, batch, seq_len), 4, vocab)
    how = {"dtype": DTYPES[mode[0]], "rows": CHUNK if "chunked" in mode else 0}

    def step() -> float:
        nonlocal state
        state, nats = update(state, x, y, **how)
        return jax.block_until_ready((state, nats))[1].item()

    return step


if __name__ == "__main__":
    jax.config.update("jax_platforms", "cpu")
    timing.main(f"jax {jax.__version__}", PEERS, STAGES, prepare)
