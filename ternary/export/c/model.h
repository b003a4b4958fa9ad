/* The model of model.c. It keeps one text in static memory: nothing is allocated, and one thread may call it. */
#ifndef MODEL_H
#define MODEL_H
#include <stddef.h>
#include <stdint.h>

enum {
    @CONSTANTS@
};

/* Forget the text that was read. */
void model_reset(void);

/* Read a token -> the logits of the next one, MODEL_VOCAB numbers; NULL if MODEL_CONTEXT tokens have been read.
   A text begins with MODEL_EOS. */
const float *model_step(int token);

/* A token drawn by logits / temperature; at temperature 0 the most likely one. *seed: any number, changed by each
   call. */
int model_choose(const float *logits, float temperature, uint32_t *seed);

/* The tokens of the next chunk of a text in UTF-8, about a word; *text moves on -> their number, 0 at `end`.
   A byte that is not UTF-8 is read as U+FFFD. */
int model_encode(const char **text, const char *end, uint16_t ids[MODEL_CHUNK_IDS]);

/* The text that a token completes, without a 0 at its end -> its length in bytes. Characters come whole; a byte that
   is not UTF-8 becomes U+FFFD. */
int model_decode(int token, char out[MODEL_TEXT_BYTES]);

/* What model_decode held back, at the end of a text. */
int model_decode_end(char out[MODEL_TEXT_BYTES]);
#endif
