/* Continues a text: story PROMPT [TOKENS [TEMPERATURE [SEED]]] */
#include "model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 5) {
        fprintf(stderr, "usage: %s PROMPT [TOKENS [TEMPERATURE [SEED]]]\n"
                        "TOKENS: how many at most, 200; TEMPERATURE: 0, always the most likely token; SEED: 1\n", argv[0]);
        return 2;
    }
    const char *prompt = argv[1], *end = prompt + strlen(prompt);
    int tokens = argc > 2 ? atoi(argv[2]) : 200;
    float temperature = argc > 3 ? (float)atof(argv[3]) : 0;
    uint32_t seed = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 1;
    uint16_t ids[MODEL_CHUNK_IDS];
    char text[MODEL_TEXT_BYTES];

    model_reset();
    const float *logits = model_step(MODEL_EOS);
    for (int n; (n = model_encode(&prompt, end, ids)) > 0;)
        for (int i = 0; i < n && logits; i++) {
            logits = model_step(ids[i]);
            fwrite(text, 1, (size_t)model_decode(ids[i], text), stdout);
        }
    for (int k = 0; k < tokens && logits; k++) {
        int token = model_choose(logits, temperature, &seed);
        if (token == MODEL_EOS)
            break;
        fwrite(text, 1, (size_t)model_decode(token, text), stdout);
        fflush(stdout);
        logits = model_step(token);
    }
    fwrite(text, 1, (size_t)model_decode_end(text), stdout);
    putchar('\n');
    if (!logits)
        fprintf(stderr, "stopped: the model has room for %d tokens; export it with a larger --set context\n",
                MODEL_CONTEXT);
    return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
