/* A corpus: the text of a file, or of all files of a directory, as tokens one behind the other. */
#ifndef PT__CORPUS_H
#define PT__CORPUS_H

#include "base/file.h"
#include "text/tokenizer.h"

typedef struct pt__corpus {
    pt__memory_t *memory;
    char **paths; /* of the files that have a byte, in the order of their names, a directory's at its own place */
    int64_t count, capacity;
    int64_t bytes; /* of all files */
    /* of names, sizes and times: another one where a file has changed, came or went */
    uint64_t fingerprint;
} pt__corpus_t;

/* Looks for the files: path itself, or what is in the directory of this name and those in it, but for hidden files and
 * `except` (NULL: nothing), which may stand among them. PT_ERR_NOT_FOUND where there is no file that has a byte. */
pt_status_t pt__corpus_find(pt__memory_t *memory, const char *path, const char *except, pt__corpus_t *corpus);
void pt__corpus_free(pt__corpus_t *corpus);

/* Gets tokens as they come. */
typedef pt_status_t pt__token_sink_fn(void *user, const int32_t *ids, int64_t count);

/* Encodes the files in their order, without the tokens of a template and without truncation, on the pool's threads, and
 * behind each file the token `separator` (-1: none). A long file is encoded in texts of at most a megabyte, cut where a
 * line ends between two that are not empty, else between words, so that memory stays bounded; where they are cut
 * depends on the file alone. PT_ERR_FORMAT names a file that is not UTF-8, and the byte. */
pt_status_t pt__corpus_encode(const pt__corpus_t *corpus, pt_tokenizer_t *tokenizer, int32_t separator,
                              pt__token_sink_fn *sink, void *user);

#endif
