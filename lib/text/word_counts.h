/* How often each word of many texts is there, counted on the pool's threads: the same for any number of them. */
#ifndef PT__WORD_COUNTS_H
#define PT__WORD_COUNTS_H

#include "text/tokenizer.h"
#include "text/word_table.h"

/* Words are cut by the normalizers and pre-tokenizers of a tokenizer. A thread first counts in a table of its own,
 * which stays small; what these hold is then moved to the shares, each of which has the words of some hashes. */
enum { PT__WORD_SHARES = 32 };

static inline uint32_t pt__word_share(uint32_t hash)
{
    return hash / (UINT32_MAX / PT__WORD_SHARES + 1);
}

typedef struct pt__word_counts {
    pt__memory_t *memory;
    pt_tokenizer_t *tokenizer; /* borrowed */
    pt__word_table_t *own;     /* [threads] */
    pt__word_table_t shares[PT__WORD_SHARES];
} pt__word_counts_t;

pt_status_t pt__word_counts_make(pt_tokenizer_t *tokenizer, pt__word_counts_t *counts);
void pt__word_counts_free(pt__word_counts_t *counts);

/* Counts the words of texts, which are UTF-8, or of both of each pair; where it fails, the message begins with "text"
 * and the number of the first one that is at fault, counted from `first`. */
pt_status_t pt__word_counts_add(pt__word_counts_t *counts, const pt_text_t *texts, int64_t count, int64_t first);
/* The same for the lines of a piece of a file, of which each is a text with its end; *lines of them came before, and it
 * goes on counting. */
pt_status_t pt__word_counts_add_lines(pt__word_counts_t *counts, const char *bytes, int64_t length, int64_t *lines);
/* Once all texts are counted: the shares have everything. */
pt_status_t pt__word_counts_finish(pt__word_counts_t *counts);

#endif
