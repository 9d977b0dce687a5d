/* Texts of a table's column, and the tokens that they become: what readers of tables and tokenizers tell each other. */
#ifndef PT__TEXT_ROWS_H
#define PT__TEXT_ROWS_H

#include <stdint.h>

typedef struct pt__text_rows { /* texts end to end, row i from begins[i] to begins[i + 1] */
    const char *texts;
    const int64_t *begins;  /* [rows + 1] */
    const int64_t *middles; /* [rows] where a row's second text begins; NULL: there is none */
    int64_t rows;
    int64_t max_length; /* tokens of a row at most */
    int32_t is_answer;  /* a second text goes on with the first; else the two are a pair */
} pt__text_rows_t;

typedef struct pt__token_rows { /* blocks of the context's memory, and begins [rows + 1], which is the caller's */
    int32_t *ids;
    int32_t
        *marks; /* of rows with a second text: the segments of a pair's tokens, or 1 for those of an answer, else 0 */
    int64_t *begins;
} pt__token_rows_t;

#endif
