/* A part of a tokenizer.json by the kind that it names. */
#ifndef PT__KINDS_H
#define PT__KINDS_H

#include "base/json.h"

/* Which of `count` kinds, structs of `size` bytes that begin with a kind's name and its keys (with blanks between
 * them), the part's "type" names: its place in *index; or -1 for a "Sequence", whose list `members` is then in *list.
 * PT_ERR_UNSUPPORTED for none of them, and for a key with a value that the kind does not have; `what` is
 * "a normalizer". */
pt_status_t pt__kind_find(const pt__json_t *json, const void *kinds, size_t size, int64_t count, const char *what,
                          const char *members, int64_t *index, const pt__json_t **list);
/* PT_ERR_UNSUPPORTED names a key of an object that is not among `keys` (with blanks between them) and has a value:
 * passed over, it may have meant something. `what` is the object's kind. What is no object has none. */
pt_status_t pt__keys_check(const pt__json_t *json, const char *what, const char *keys);

#endif
