
/* The rule "unigram": a text is cut into its cheapest pieces. It is read in units of up to UNIT characters, over whose
   end no piece lies; a longer stretch is cut there, which may not be the cheapest. */
enum { UNIT = @UNIT@, ROOM = UNIT + @LONGEST@, UNKNOWN = @UNKNOWN@ };

int model_encode(const char **text, const char *end, uint16_t ids[MODEL_CHUNK_IDS])
{
    uint8_t bytes[4 * ROOM], used[ROOM];
    uint16_t begin[ROOM + 1] = {0};                /* character k is bytes[begin[k]] to bytes[begin[k + 1]] */
    int cost[UNIT + 1], id[UNIT], after[UNIT], count = 0, size, n = 0, reach = 0;
    uint32_t code;
    for (const char *at = *text; count < ROOM && at < end; at += used[count++]) {
        used[count] = (uint8_t)next_character(at, end, bytes + begin[count], &size, &code);
        begin[count + 1] = (uint16_t)(begin[count] + size);
    }
    while (n < UNIT && n < count && (n == 0 || reach > n)) {
        Range range = {0, PIECES, 0};
        for (int m = n; m < count && range.first < range.last; m++)
            if (follow(&range, bytes + begin[m], begin[m + 1] - begin[m]) && reach <= m)
                reach = m + 1;
        n++;
    }
    cost[n] = 0;
    for (int k = n - 1; k >= 0; k--) {
        Range range = {0, PIECES, 0};
        id[k] = follow(&range, bytes + begin[k], begin[k + 1] - begin[k]);
        after[k] = k + 1;
        cost[k] = cost[k + 1] + (id[k] ? piece_cost[id[k] - FIRST_PIECE] : UNKNOWN);
        for (int m = k + 1; m < n && range.first < range.last; m++) {
            int longer = follow(&range, bytes + begin[m], begin[m + 1] - begin[m]);
            if (longer && cost[m + 1] + piece_cost[longer - FIRST_PIECE] <= cost[k]) {
                id[k] = longer;
                after[k] = m + 1;
                cost[k] = cost[m + 1] + piece_cost[longer - FIRST_PIECE];
            }
        }
    }
    for (int k = 0; k < n; k++)
        *text += used[k];
    count = 0;
    for (int k = 0; k < n; k = after[k]) {
        if (id[k])
            ids[count++] = (uint16_t)id[k];
        else
            for (int b = begin[k]; b < begin[k + 1]; b++)
                ids[count++] = (uint16_t)(FIRST_BYTE + bytes[b]);
    }
    return count;
}
