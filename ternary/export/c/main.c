/* Continues a text: story PROMPT [TOKENS [TEMPERATURE [SEED]]] */
#include "model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number that a text spells, up to 2^31 - 1; -1 if it spells none. */
static double number(const char *text)
{
    char *end;
    double x = strtod(text, &end);
    return end != text && !*end && x >= 0 && x <= INT32_MAX ? x : -1;
}

int main(int argc, char **argv)
{
    double tokens = argc > 2 ? number(argv[2]) : 200, temperature = argc > 3 ? number(argv[3]) : 0;
    double first_seed = argc > 4 ? number(argv[4]) : 1;
    if (argc < 2 || argc > 5 || tokens < 0 || temperature < 0 || first_seed < 0) {
        fprintf(stderr, "usage: story PROMPT [TOKENS [TEMPERATURE [SEED]]]\n"
                        "numbers from 0 on; TOKENS: at most so many, 200; TEMPERATURE: 0, always the most likely token; "
                        "SEED: 1\n");
        return 2;
    }
    const char *prompt = argv[1], *end = prompt + strlen(prompt);
    uint32_t seed = (uint32_t)first_seed;
    uint16_t ids[MODEL_CHUNK_IDS];
    char text[MODEL_TEXT_BYTES];

    model_reset();
    const float *logits = model_step(MODEL_EOS);
    for (int n; (n = model_encode(&prompt, end, ids)) > 0;)
        for (int i = 0; i < n && logits; i++) {
            logits = model_step(ids[i]);
            fwrite(text, 1, (size_t)model_decode(ids[i], text), stdout);
        }
    for (int k = 0; k < (int)tokens && logits; k++) {
        int token = model_choose(logits, (float)temperature, &seed);
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
