/* Scanners: the split patterns of well-known tokenizers, by hand. A pattern here is one that covers all of a text: each
 * match begins where the last one ended. */
#ifndef PT__SCANNERS_H
#define PT__SCANNERS_H

#include <stdint.h>

typedef struct pt__cut { /* a piece of a text */
    uint32_t begin, end;
} pt__cut_t;

/* The next pieces of a text from *at on, at most `most`, none of them empty; the text is UTF-8 and ends at `end`. *at
 * becomes where to go on; returns how many there are, 0 when the text is over. `settings` are the splitter's own. */
typedef int32_t pt__scan_fn(const void *settings, const uint8_t *text, int64_t *at, int64_t end, pt__cut_t *cuts,
                            int32_t most);

/* The pattern of GPT-2, which a byte-level pre-tokenizer has without naming it. */
pt__scan_fn *pt__scanner_gpt2(void);
/* NULL: no scanner here knows the pattern, which stands as tokenizer.json has it. */
pt__scan_fn *pt__scanner_find(const char *pattern, int64_t length);

#endif
