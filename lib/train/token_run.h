/* The tokens that a dataset of windows is cut from: a file's own, or those that a tokenizer makes of a text file or a
 * directory of them, in memory or in a token file that is made once and mapped from then on. */
#ifndef PT__TOKEN_RUN_H
#define PT__TOKEN_RUN_H

#include "data/sources.h"

/* A text file, or a directory of text files: options->tokenizer makes the tokens, or each byte is one. With
 * options->cache the tokens stand in the file of that name, which is made where it is not there, and made again where
 * the text has changed since. PT_ERR_FORMAT: what stands there is another tokenizer's, or no token file. */
pt_status_t pt__token_run_of_text(pt_context_t *context, const char *path, const pt_window_options_t *options,
                                  pt__token_run_t *run);
/* A file of options->dtype's numbers. */
pt_status_t pt__token_run_of_tokens(pt_context_t *context, const char *path, const pt_window_options_t *options,
                                    pt__token_run_t *run);

#endif
