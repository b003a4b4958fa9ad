/* What tests ask of exported C. "logits TOKEN ...": those after each token. "ids ID ...": the text of ids. "texts": of
   each text in stdin, with its length before it, the ids and what they spell. */
#include "model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_text(int id)
{
    char out[MODEL_TEXT_BYTES];
    fwrite(out, 1, (size_t)(id < 0 ? model_decode_end(out) : model_decode(id, out)), stdout);
}

int main(int argc, char **argv)
{
    static char text[1 << 16];
    static int ids[1 << 16];
    unsigned char size[4];
    if (argc > 1 && !strcmp(argv[1], "logits"))
        for (int k = 2; k < argc; k++) {
            const float *logits = model_step(atoi(argv[k]));
            for (int i = 0; i < MODEL_VOCAB; i++)
                printf("%.9g%c", (double)logits[i], i + 1 < MODEL_VOCAB ? ' ' : '\n');
        }
    if (argc > 1 && !strcmp(argv[1], "ids")) {
        for (int k = 2; k < argc; k++)
            write_text(atoi(argv[k]));
        write_text(-1);
    }
    while (argc == 2 && fread(size, 1, 4, stdin) == 4) {
        size_t length = size[0] + 256u * size[1];
        if (fread(text, 1, length, stdin) != length)
            return 1;
        const char *at = text;
        uint16_t part[MODEL_CHUNK_IDS];
        int count = 0;
        for (int n; (n = model_encode(&at, text + length, part)) > 0;)
            for (int k = 0; k < n; k++) {
                ids[count++] = part[k];
                printf("%d ", part[k]);
            }
        printf("\1\n");
        for (int k = 0; k < count; k++)
            write_text(ids[k]);
        write_text(-1);
        printf("\1\n");
    }
    return 0;
}
