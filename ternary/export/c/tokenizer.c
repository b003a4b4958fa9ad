/* How many bytes a character has that begins with this one; 0: none does. */
static int utf8_size(uint8_t byte)
{
    return byte < 0x80 ? 1 : byte < 0xC2 ? 0 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : byte < 0xF5 ? 4 : 0;
}

/* Whether `byte` may follow the first `count` bytes of a character. */
static int utf8_follows(const uint8_t *begin, int count, uint8_t byte)
{
    uint8_t low = 0x80, high = 0xBF;
    if (count == 1) {
        if (begin[0] == 0xE0) low = 0xA0;
        if (begin[0] == 0xED) high = 0x9F;
        if (begin[0] == 0xF0) low = 0x90;
        if (begin[0] == 0xF4) high = 0x8F;
    }
    return low <= byte && byte <= high;
}

static const uint8_t REPLACEMENT[3] = {0xEF, 0xBF, 0xBD};                  /* U+FFFD */

/* The character at `text` as UTF-8 -> the bytes of `text` that it takes, 0 at `end`. */
static int next_character(const char *text, const char *end, uint8_t out[4], int *size, uint32_t *code)
{
    if (text == end)
        return 0;
    out[0] = (uint8_t)text[0];
    *size = utf8_size(out[0]);
    for (int k = 1; k < *size; k++) {
        if (text + k == end || !utf8_follows(out, k, (uint8_t)text[k]))
            *size = 0;
        else
            out[k] = (uint8_t)text[k];
    }
    if (*size == 0) {
        memcpy(out, REPLACEMENT, *size = 3);
        *code = 0xFFFD;
        return 1;
    }
    *code = *size == 1 ? out[0] : out[0] & (0x7Fu >> *size);
    for (int k = 1; k < *size; k++)
        *code = *code << 6 | (out[k] & 0x3F);
    return *size;
}

/* The pieces piece_order[first] to piece_order[last - 1], which are those that begin with the same `depth` bytes. */
typedef struct {
    int first, last, depth;
} Range;

static int piece_size(int piece)
{
    return (int)(piece_begin[piece + 1] - piece_begin[piece]);
}

/* The first place in the range whose piece goes on with `byte` or a higher one. */
static int lower_bound(const Range *range, int byte)
{
    int low = range->first, high = range->last;
    while (low < high) {
        int middle = (low + high) / 2, piece = piece_order[middle];
        if (piece_size(piece) > range->depth && piece_bytes[piece_begin[piece] + (uint32_t)range->depth] >= byte)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Narrow the range to pieces that go on with these bytes -> the id of the piece that ends there, or 0 */
static int follow(Range *range, const uint8_t *bytes, int size)
{
    for (int k = 0; k < size && range->first < range->last; k++) {
        int first = lower_bound(range, bytes[k]), last = lower_bound(range, bytes[k] + 1);
        range->first = first;
        range->last = last;
        range->depth++;
    }
    if (range->first == range->last || piece_size(piece_order[range->first]) != range->depth)
        return 0;
    return FIRST_PIECE + piece_order[range->first];
}

static struct {
    int count;
    uint8_t bytes[4];
} held;                                            /* the beginning of a character */

int model_decode_end(char out[MODEL_TEXT_BYTES])
{
    int size = held.count > 0 ? (int)sizeof REPLACEMENT : 0;
    memcpy(out, REPLACEMENT, (size_t)size);
    held.count = 0;
    return size;
}

int model_decode(int token, char out[MODEL_TEXT_BYTES])
{
    int piece = token - FIRST_PIECE, size = 0, count = 0;
    uint8_t byte = (uint8_t)(token - FIRST_BYTE);
    const uint8_t *bytes = &byte;
    if (piece >= 0 && piece < PIECES) {
        bytes = piece_bytes + piece_begin[piece];
        count = piece_size(piece);
    } else if (token >= FIRST_BYTE && token < FIRST_PIECE)
        count = 1;
    for (int k = 0; k < count; k++) {
        if (held.count > 0 && !utf8_follows(held.bytes, held.count, bytes[k]))
            size += model_decode_end(out + size);
        held.bytes[held.count++] = bytes[k];
        if (held.count == utf8_size(held.bytes[0])) {
            memcpy(out + size, held.bytes, (size_t)held.count);
            size += held.count;
            held.count = 0;
        } else if (utf8_size(held.bytes[0]) == 0)
            size += model_decode_end(out + size);
    }
    return size;
}
