
/* Whether a character is a letter, a digit or another part of a word. */
static int is_word(uint32_t code)
{
    int low = 0, high = WORD_EDGES;
    while (low < high) {
        int middle = (low + high) / 2;
        if (word_edges[middle] <= code)
            low = middle + 1;
        else
            high = middle;
    }
    return low & 1;
}

enum { LEAD = 12, WORD = 32, SUFFIX = 8, CHUNK = LEAD + WORD + 1 + SUFFIX };

/* A chunk of text: non-word characters, then a word. Character k is bytes[begin[k]] to bytes[begin[k + 1]]. */
typedef struct {
    int count;
    uint8_t begin[CHUNK + 1], bytes[4 * CHUNK];
} Chunk;

/* Append up to `most` characters that are of words, or are not -> how many */
static int take(Chunk *chunk, const char **text, const char *end, int of_words, int most)
{
    int taken = 0, size, used;
    uint32_t code;
    while (taken < most
           && (used = next_character(*text, end, chunk->bytes + chunk->begin[chunk->count], &size, &code)) > 0
           && is_word(code) == of_words) {
        chunk->begin[chunk->count + 1] = (uint8_t)(chunk->begin[chunk->count] + size);
        chunk->count++;
        *text += used;
        taken++;
    }
    return taken;
}

/* Append an apostrophe and what follows, as in don't. */
static void take_suffix(Chunk *chunk, const char **text, const char *end)
{
    uint8_t bytes[4];
    int size, used;
    uint32_t code, next;
    const char *rest = *text;
    used = next_character(rest, end, bytes, &size, &code);
    if (used == 0 || (code != '\'' && code != 0x2019))
        return;
    rest += used;
    if (next_character(rest, end, bytes, &size, &next) > 0 && is_word(next)) {
        take(chunk, text, end, 0, 1);
        take(chunk, text, end, 1, SUFFIX);
    }
}

/* The id of characters i to j - 1 of a chunk, or 0 */
static int find(const Chunk *chunk, int i, int j)
{
    Range all = {0, PIECES, 0};
    return j > i ? follow(&all, chunk->bytes + chunk->begin[i], chunk->begin[j] - chunk->begin[i]) : 0;
}

/* The ids of characters i to j - 1: one piece, or else the fewest pieces and bytes; of equal cuts the one whose first
   part is longest -> how many */
static int spell(const Chunk *chunk, int i, int j, uint16_t *ids)
{
    const uint8_t *begin = chunk->begin;
    int cost[CHUNK + 1], end[CHUNK], id[CHUNK], count = 0;
    id[i < j ? i : 0] = find(chunk, i, j);
    if (i < j && id[i]) {
        ids[0] = (uint16_t)id[i];
        return 1;
    }
    cost[j] = 0;
    for (int k = j - 1; k >= i; k--) {
        Range range = {0, PIECES, 0};
        id[k] = follow(&range, chunk->bytes + begin[k], begin[k + 1] - begin[k]);
        end[k] = k + 1;
        cost[k] = cost[k + 1] + (id[k] ? 1 : begin[k + 1] - begin[k]);
        for (int m = k + 1; m < j && range.first < range.last; m++) {
            int longer = follow(&range, chunk->bytes + begin[m], begin[m + 1] - begin[m]);
            if (longer && cost[m + 1] < cost[k]) {
                id[k] = longer;
                end[k] = m + 1;
                cost[k] = cost[m + 1] + 1;
            }
        }
    }
    for (int k = i; k < j; k = end[k]) {
        if (id[k])
            ids[count++] = (uint16_t)id[k];
        else
            for (int b = begin[k]; b < begin[k + 1]; b++)
                ids[count++] = (uint16_t)(FIRST_BYTE + chunk->bytes[b]);
    }
    return count;
}

int model_encode(const char **text, const char *end, uint16_t ids[MODEL_CHUNK_IDS])
{
    Chunk chunk;
    chunk.count = chunk.begin[0] = 0;
    int lead = take(&chunk, text, end, 0, LEAD);
    if (take(&chunk, text, end, 1, WORD)) {
        take_suffix(&chunk, text, end);
        if (lead > 0 && chunk.bytes[chunk.begin[lead - 1]] == ' ')          /* the word keeps the one space before it */
            lead--;
    }
    ids[0] = (uint16_t)find(&chunk, 0, chunk.count);
    if (ids[0])
        return 1;
    int count = spell(&chunk, 0, lead, ids);
    return count + spell(&chunk, lead, chunk.count, ids + count);
}
