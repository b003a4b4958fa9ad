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

