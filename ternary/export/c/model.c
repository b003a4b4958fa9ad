/* @TITLE@, written by ternary. model.h says what to call. */
#include "model.h"
#include "weights.h"
#include <math.h>
#include <string.h>

enum { FIRST_BYTE = @FIRST_BYTE@, FIRST_PIECE = @FIRST_PIECE@ };

static float scratch[@SCRATCH@], state[@STATE@], logits[MODEL_VOCAB];
static uint64_t position;                          /* tokens read before */

@OPS@
void model_reset(void)
{
    position = 0;
    memset(state, 0, sizeof state);
}

const float *model_step(int token)
{
@STEPS@
    position++;
    return logits;
}

int model_choose(const float *values, float temperature, uint32_t *seed)
{
    /* tokens before EOS, and those after the last piece, spell nothing */
    int best = MODEL_EOS;
    for (int i = MODEL_EOS; i < FIRST_PIECE + PIECES; i++)
        best = values[i] > values[best] ? i : best;
    if (temperature <= 0)
        return best;
    float sum = 0;
    for (int i = MODEL_EOS; i < FIRST_PIECE + PIECES; i++)
        sum += expf((values[i] - values[best]) / temperature);
    *seed += 0x9E3779B9u;                          /* a counter, mixed as in MurmurHash3 */
    uint32_t bits = *seed;
    bits = (bits ^ bits >> 16) * 0x85EBCA6Bu;
    bits = (bits ^ bits >> 13) * 0xC2B2AE35u;
    bits ^= bits >> 16;
    float rest = sum * ((float)(bits >> 8) / 16777216.0f);
    for (int i = MODEL_EOS; i < FIRST_PIECE + PIECES; i++)
        if ((rest -= expf((values[i] - values[best]) / temperature)) < 0)
            return i;
    return best;
}

