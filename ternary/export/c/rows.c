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

