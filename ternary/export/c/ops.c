/* == lanes == */
/* Sums run in LANES parts side by side, so that compilers can vectorise them and all machines round alike. */
enum { LANES = 32 };

static float total(float *parts)
{
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            parts[l] += parts[l + half];
    return parts[0];
}

/* == signed_sum: lanes == */
/* The sum of x[i] over weights +1, minus that over weights -1. 32 weights are two words: which are not 0, and which are
   below 0; a bit decides whether x[i] is kept, another one flips its sign. n: a multiple of 32. */
static float signed_sum(const float *x, const uint32_t *codes, int n)
{
    float sums[LANES] = {0};
    for (int i = 0; i < n; i += LANES, codes += 2)
        for (int l = 0; l < LANES; l++) {
            union { float number; uint32_t bits; } term;
            term.number = x[i + l];
            term.bits = (term.bits & -(codes[0] >> l & 1)) ^ (codes[1] >> l & 1) << 31;
            sums[l] += term.number;
        }
    return total(sums);
}

/* == ternary_linear: signed_sum == */
/* y = W x. A segment of a row, and a block of the matrix in row order, share a scale. */
static void ternary_linear(float *y, const float *x, const uint32_t *codes, const float *scales, int rows, int columns,
                           int segment, int block)
{
    int padded = (segment + LANES - 1) / LANES * LANES;
    for (int r = 0; r < rows; r++) {
        y[r] = 0;
        for (int at = 0; at < columns; at += segment, codes += padded / 16)
            y[r] += scales[(r * columns + at) / block] * signed_sum(x + at, codes, padded);
    }
}

/* == dot: lanes == */
static float dot(const float *x, const float *w, int n)
{
    float sums[LANES] = {0};
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++)
            sums[l] += x[i + l] * w[i + l];
    for (int l = 0; i + l < n; l++)
        sums[l] += x[i + l] * w[i + l];
    return total(sums);
}

/* == float_linear: dot == */
static void float_linear(float *y, const float *x, const float *w, int rows, int columns)
{
    for (int r = 0; r < rows; r++)
        y[r] = dot(x, w + r * columns, columns);
}

/* == float_embedding == */
static void float_embedding(float *y, const float *table, int token, int n)
{
    memcpy(y, table + token * n, (size_t)n * sizeof *y);
}

/* == integer_embedding == */
static void integer_embedding(float *y, const table_t *table, const float *scales, int token, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = scales[token] * (float)table[token * n + i];
}

/* == integer_linear: lanes == */
static void integer_linear(float *y, const float *x, const table_t *w, const float *scales, int rows, int columns)
{
    for (int r = 0; r < rows; r++, w += columns) {
        float sums[LANES] = {0};
        int i = 0;
        for (; i + LANES <= columns; i += LANES)
            for (int l = 0; l < LANES; l++)
                sums[l] += x[i + l] * (float)w[i + l];
        for (int l = 0; i + l < columns; l++)
            sums[l] += x[i + l] * (float)w[i + l];
        y[r] = scales[r] * total(sums);
    }
}

/* == add == */
/* a and b: rows of n numbers, or one number where the size is 1; the same below. */
static void add(float *y, const float *a, int a_size, const float *b, int b_size, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = a[a_size == 1 ? 0 : i] + b[b_size == 1 ? 0 : i];
}

/* == sub == */
static void sub(float *y, const float *a, int a_size, const float *b, int b_size, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = a[a_size == 1 ? 0 : i] - b[b_size == 1 ? 0 : i];
}

/* == mul == */
static void mul(float *y, const float *a, int a_size, const float *b, int b_size, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = a[a_size == 1 ? 0 : i] * b[b_size == 1 ? 0 : i];
}

/* == scale == */
static void scale(float *y, const float *x, float factor, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = factor * x[i];
}

/* == clip == */
static void clip(float *y, const float *x, float low, float high, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = x[i] < low ? low : x[i] > high ? high : x[i];
}

/* == sigmoid == */
static void sigmoid(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = 1 / (1 + expf(-x[i]));
}

/* == silu == */
static void silu(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = x[i] / (1 + expf(-x[i]));
}

/* == gelu == */
static void gelu(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = x[i] * (0.5f + 0.5f * erff(x[i] * 0.70710678f));
}

/* == hyperbolic_tangent == */
static void hyperbolic_tangent(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = tanhf(x[i]);
}

/* == relu == */
static void relu(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = x[i] > 0 ? x[i] : 0;
}

/* == relu2 == */
static void relu2(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = x[i] > 0 ? x[i] * x[i] : 0;
}

/* == exponential == */
static void exponential(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = expf(x[i]);
}

/* == softplus == */
static void softplus(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = (x[i] > 0 ? x[i] : 0) + log1pf(expf(-fabsf(x[i])));
}

/* == rms_norm: dot == */
/* Of each head of `size` channels. */
static void rms_norm(float *y, const float *x, const float *w, int size, int n)
{
    for (int h = 0; h < n; h += size) {
        float factor = 1 / sqrtf(dot(x + h, x + h, size) / (float)size + 1e-6f);
        for (int i = 0; i < size; i++)
            y[h + i] = x[h + i] * factor * w[i];
    }
}

/* == layer_norm: dot == */
/* Of each group of `size` channels. */
static void layer_norm(float *y, const float *x, const float *w, const float *b, int size, int n)
{
    for (int g = 0; g < n; g += size) {
        float mean = 0;
        for (int i = 0; i < size; i++)
            mean += x[g + i];
        mean /= (float)size;
        for (int i = 0; i < size; i++)
            y[g + i] = x[g + i] - mean;
        float factor = 1 / sqrtf(dot(y + g, y + g, size) / (float)size + 1e-5f);
        for (int i = 0; i < size; i++)
            y[g + i] = y[g + i] * factor * w[g + i] + b[g + i];
    }
}

/* == l2_norm: dot == */
/* Of each head of `size` channels. */
static void l2_norm(float *y, const float *x, int size, int n)
{
    for (int h = 0; h < n; h += size) {
        float norm = sqrtf(dot(x + h, x + h, size));
        for (int i = 0; i < size; i++)
            y[h + i] = x[h + i] / (norm > 1e-6f ? norm : 1e-6f);
    }
}

/* == softmax == */
static void softmax(float *y, const float *x, int n)
{
    float highest = x[0], sum = 0;
    for (int i = 1; i < n; i++)
        highest = x[i] > highest ? x[i] : highest;
    for (int i = 0; i < n; i++)
        sum += y[i] = expf(x[i] - highest);
    for (int i = 0; i < n; i++)
        y[i] /= sum;
}

/* == top_softmax: softmax == */
/* Over the k highest, and those equal to the lowest of them. */
static void top_softmax(float *y, const float *x, int k, int n)
{
    for (int i = 0; i < n; i++) {
        int higher = 0;
        for (int j = 0; j < n; j++)
            higher += x[j] > x[i];
        y[i] = higher < k ? x[i] : -HUGE_VALF;
    }
    softmax(y, y, n);
}

/* == copy == */
static void copy(float *y, const float *x, int n)
{
    memcpy(y, x, (size_t)n * sizeof *y);
}

/* == expand == */
/* Each of `size` numbers n / size times. */
static void expand(float *y, const float *x, int size, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = x[i / (n / size)];
}

/* == window == */
/* The rows of the last `rows` tokens are in a ring: that of a token `before` tokens ago. */
static float *row(float *ring, int rows, int before, int n)
{
    uint64_t at = (position + (uint64_t)(rows - before)) % (uint64_t)rows;
    return ring + (int)at * n;
}

static void window(float *ring, const float *x, int rows, int n)
{
    memcpy(row(ring, rows, 0, n), x, (size_t)n * sizeof *x);
}

/* == causal_conv: window == */
static void causal_conv(float *y, float *ring, int rows, const float *w, int taps, int dilation, int n)
{
    memset(y, 0, (size_t)n * sizeof *y);
    for (int k = 0; k < taps; k++) {
        const float *x = row(ring, rows, k * dilation, n), *tap = w + (taps - 1 - k) * n;
        for (int i = 0; i < n; i++)
            y[i] += tap[i] * x[i];
    }
}

/* == grouped_conv: window == */
/* w (taps * size, n): each group of `size` channels is mixed by a matrix for each tap. */
static void grouped_conv(float *y, float *ring, int rows, const float *w, int taps, int dilation, int size, int n)
{
    memset(y, 0, (size_t)n * sizeof *y);
    for (int k = 0; k < taps; k++) {
        const float *x = row(ring, rows, (taps - 1 - k) * dilation, n);
        for (int i = 0; i < size; i++, w += n)
            for (int j = 0; j < n; j++)
                y[j] += x[j / size * size + i] * w[j];
    }
}

/* == dynamic_conv: window == */
static void dynamic_conv(float *y, float *ring, int rows, const float *weights, const int *offsets, int taps, int n)
{
    memset(y, 0, (size_t)n * sizeof *y);
    for (int k = 0; k < taps; k++) {
        const float *x = row(ring, rows, offsets[k], n);
        for (int i = 0; i < n; i++)
            y[i] += weights[k] * x[i];
    }
}

/* == turn == */
/* y = x with the pairs of channels j, j + size / 2 of each head turned by position * frequencies[j]. */
static void turn(float *y, const float *x, const double *frequencies, int size, int n)
{
    for (int j = 0; j < size / 2; j++) {
        double angle = (double)position * frequencies[j];
        float c = (float)cos(angle), s = (float)sin(angle);
        for (int a = j; a < n; a += size) {
            int b = a + size / 2;
            float first = x[a], second = x[b];
            y[a] = first * c - second * s;
            y[b] = second * c + first * s;
        }
    }
}

/* == attention: dot softmax == */
/* q, k, v: n channels in heads of `size`. The cache is a ring of `rows` keys, then as many values; scores: `rows`
   numbers. */
static void attention(float *y, const float *q, const float *k, const float *v, float *cache, float *scores, int rows,
                      int size, int n)
{
    float *keys = cache, *values = cache + rows * n;
    int at = (int)(position % (uint64_t)rows), seen = position < (uint64_t)rows ? at + 1 : rows;
    memcpy(keys + at * n, k, (size_t)n * sizeof *k);
    memcpy(values + at * n, v, (size_t)n * sizeof *v);
    for (int h = 0; h < n; h += size) {
        for (int t = 0; t < seen; t++)
            scores[t] = dot(q + h, keys + t * n + h, size) / sqrtf((float)size);
        softmax(scores, scores, seen);
        memset(y + h, 0, (size_t)size * sizeof *y);
        for (int t = 0; t < seen; t++)
            for (int i = 0; i < size; i++)
                y[h + i] += scores[t] * values[t * n + h + i];
    }
}

/* == scan == */
static void scan(float *y, const float *decay, const float *x, float *state, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = state[i] = decay[i] * state[i] + x[i];
}

/* == linear_attention == */
enum { ADD, DELTA, DELTA_BEFORE_DECAY };

/* memory: `keys` x `values` numbers for each head. */
static void linear_attention(float *y, const float *q, const float *k, const float *v, const float *log_decay,
                             const float *beta, float *memory, int heads, int keys, int values, int rule)
{
    for (int h = 0; h < heads; h++, y += values, q += keys, k += keys, v += values, memory += keys * values) {
        float decay = expf(log_decay[h]), known = rule == ADD ? 0 : rule == DELTA ? decay : 1;
        for (int j = 0; j < values; j++)
            y[j] = v[j];
        if (rule != ADD)
            for (int i = 0; i < keys; i++)
                for (int j = 0; j < values; j++)
                    y[j] -= known * k[i] * memory[i * values + j];
        for (int j = 0; j < values; j++)
            y[j] *= beta[h];
        for (int i = 0; i < keys; i++)
            for (int j = 0; j < values; j++)
                memory[i * values + j] = decay * memory[i * values + j] + k[i] * y[j];
        memset(y, 0, (size_t)values * sizeof *y);
        for (int i = 0; i < keys; i++)
            for (int j = 0; j < values; j++)
                y[j] += q[i] * memory[i * values + j];
    }
}

/* == cumulative_mean == */
static void cumulative_mean(float *y, const float *x, float *state, int n)
{
    for (int i = 0; i < n; i++) {
        state[i] += x[i];
        y[i] = state[i] / (float)(position + 1);
    }
}
