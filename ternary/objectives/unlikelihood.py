import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.objectives.base import OBJECTIVES, Batch, Objective, Term

SMALLEST_REST = 1e-6              # lower bound of 1 - p


@OBJECTIVES.register("unlikelihood")
class Unlikelihood(Objective):
    """-log(1 - p(c)), summed over the tokens c of the context that are not the target: against repetition.

    Token-level unlikelihood (Welleck et al. 2020). It keeps the logits of a micro-batch, 4 V bytes per token.
    """
    name = "unlikelihood"

    def __call__(self, batch: Batch) -> list[Term]:
        value = unlikelihood(batch.logits, batch.tokens, candidates(batch.tokens, batch.targets))
        return [Term(self.name, value, batch.scale * self.weight)]


def candidates(tokens: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """tokens, targets (B, T) -> (B, T, T) of bool: is tokens[b, s] a candidate at t? Each token counts once."""
    seq_len = tokens.shape[1]
    earlier = np.tri(seq_len, k=-1, dtype=bool)
    repeated = ((tokens[:, :, None] == tokens[:, None]) & earlier).any(-1)
    return np.tri(seq_len, dtype=bool) & ~repeated[:, None] & (tokens[:, None] != targets[:, :, None])


@ops.numpy_op
def unlikelihood(logits: Tensor, tokens: np.ndarray, candidates: np.ndarray) -> Tensor:
    """logits (B, T, V), tokens (B, T), candidates (B, T, T) -> sum of -log(1 - p) over the candidates, (B, T, 1)

    1 - p is at least SMALLEST_REST, so that values and gradients are finite. The gradient of the logit of a lone
    candidate is p, also where p rounds to 1.
    """
    index = np.broadcast_to(tokens[:, None], candidates.shape)
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    # float64, as one candidate may outweigh all others
    of_candidates = np.where(candidates, np.take_along_axis(p, index, -1), 0).astype(np.float64)
    rest = np.maximum(1 - of_candidates, SMALLEST_REST)

    def backward(dy):
        odds = of_candidates / rest
        total = odds.sum(-1, keepdims=True)
        d = p * -total.astype(p.dtype)
        b, t, s = np.nonzero(candidates)          # a token is a candidate once at most: no index comes twice
        d[b, t, tokens[b, s]] = (of_candidates * (1 - (total - odds)))[b, t, s]
        return d * dy
    return -np.log(rest).sum(-1, keepdims=True), backward
