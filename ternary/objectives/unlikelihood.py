import numpy as np

from ternary.autograd.tape import Tensor, op
from ternary.objectives.base import OBJECTIVES, Batch, Objective, Term
from ternary.ops.losses import add_softmax_grad, column, per_token, softmax_sums

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


@op
def unlikelihood(logits: Tensor, tokens: np.ndarray, candidates: np.ndarray) -> Tensor:
    """logits (B, T, V), tokens (B, T), candidates (B, T, T) -> sum of -log(1 - p) over the candidates, (B, T, 1)

    1 - p is at least SMALLEST_REST, so that values and gradients are finite. The gradient of the logit of a lone
    candidate is p, also where p rounds to 1.
    """
    log_sum, _ = softmax_sums(logits)
    b, t, s = np.nonzero(candidates)              # a token is a candidate once at most: no index comes twice
    places = b * tokens.shape[1] + t, tokens[b, s]
    # float64, as one candidate may outweigh all others
    p = np.exp((logits.data[places] - log_sum[places[0]]).astype(np.float64))
    rest = np.maximum(1 - p, SMALLEST_REST)

    def summed(values):
        return np.bincount(places[0], values, len(log_sum))

    def backward(dy):
        odds, dy = p / rest, column(dy)
        total = summed(odds)
        before = logits.grad[places] if logits.grad is not None else 0
        dx = add_softmax_grad(logits, log_sum, np.zeros_like(dy), -dy * total.astype(dy.dtype))
        dx[places] = before + p * (1 - (total[places[0]] - odds)) * dy[places[0]]
    return per_token(logits, -summed(np.log(rest)).astype(log_sum.dtype)), backward
