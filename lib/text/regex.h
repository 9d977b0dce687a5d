/* Patterns in Oniguruma's syntax, as files of tokenizers have them, matched by PCRE2 (with its compiler where there is
 * one). A build without PCRE2 refuses each. */
#ifndef PT__REGEX_H
#define PT__REGEX_H

#include "text/splitter.h"

/* A matcher of a pattern, whose place in a file is `json`. PT_ERR_UNSUPPORTED, with the pattern, for what is not known
 * here, or means something else in PCRE2 than it does in Oniguruma.
 *
 * A match takes time that grows with what it looks at, PT_ERR_UNSUPPORTED comes of one that would take longer, or more
 * memory than a limit; so a pattern that explodes ends. */
pt_status_t pt__matcher_of_regex(const pt__json_t *json, pt__memory_t *memory, const char *pattern, int64_t length,
                                 pt__matcher_t *out);

/* The pattern as PCRE2 has it, freed with pt__release. PT_ERR_UNSUPPORTED says what is not known. */
pt_status_t pt__regex_translate(pt__memory_t *memory, const char *pattern, int64_t length, char **out,
                                int64_t *out_length);

#endif
