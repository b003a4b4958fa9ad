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
