/* A strict reader of JSON (RFC 8259) for configurations, checkpoints' headers and JSON lines. The input may be
 * anything and is never trusted: explicit length, valid UTF-8, at most 128 levels deep, no duplicate keys. Messages
 * name the byte, what was expected and what was found; those of the getters name the key's path ("rope.factor",
 * "layers[2].name"). */
#ifndef PT__JSON_H
#define PT__JSON_H

#include <stdint.h>

#include "base/memory.h"

typedef enum pt__json_kind {
    PT__JSON_NULL = 0,
    PT__JSON_BOOL,
    PT__JSON_NUMBER,
    PT__JSON_STRING,
    PT__JSON_ARRAY,
    PT__JSON_OBJECT
} pt__json_kind_t;

typedef struct pt__json pt__json_t;
struct pt__json { /* one value; the document owns all */
    pt__json_kind_t kind;
    int32_t is_integer; /* NUMBER: written without point and exponent, and within int64; `integer` is exact */
    int64_t integer;    /* BOOL: 0 or 1 */
    double number;      /* NUMBER */
    const char *string; /* STRING: the bytes, with a 0 behind */
    int64_t length;     /* STRING: bytes; ARRAY, OBJECT: members */
    const char *key;    /* within an object; else NULL */
    int64_t key_length;
    const pt__json_t *parent, *next, *first; /* first: of the members, in the order of the text */
    const pt__json_t **by_key;               /* OBJECT of several members: sorted by key; else NULL */
};

typedef struct pt__json_document pt__json_document_t;

/* name is for messages ("config.json"). On success *out owns everything below *root; on failure both are NULL. */
pt_status_t pt__json_parse(pt__memory_t *memory, const char *name, const char *text, int64_t length,
                           pt__json_document_t **out, const pt__json_t **root);
void pt__json_free(pt__json_document_t *document);

/* The member with this key; NULL where there is none, or `object` is not an object. */
const pt__json_t *pt__json_find(const pt__json_t *object, const char *key);

/* Getters. A member that is missing or null is an error (PT_ERR_NOT_FOUND) where `need` is PT__JSON_REQUIRED; else
 * *out keeps what it holds. A member of another type or out of range is PT_ERR_FORMAT. Strings with a 0 inside are
 * refused. */
enum { PT__JSON_OPTIONAL = 0, PT__JSON_REQUIRED = 1 };
/* 2.0 and 1e3 are whole numbers too. low <= value <= high */
pt_status_t pt__json_get_integer(const pt__json_t *object, const char *key, int32_t need, int64_t low, int64_t high,
                                 int64_t *out);
pt_status_t pt__json_get_number(const pt__json_t *object, const char *key, int32_t need, double low, double high,
                                double *out);
pt_status_t pt__json_get_bool(const pt__json_t *object, const char *key, int32_t need, int32_t *out);
pt_status_t pt__json_get_string(const pt__json_t *object, const char *key, int32_t need, const char **out);
pt_status_t pt__json_get_array(const pt__json_t *object, const char *key, int32_t need, const pt__json_t **out);
pt_status_t pt__json_get_object(const pt__json_t *object, const char *key, int32_t need, const pt__json_t **out);

/* For checks of one's own: writes the value's path and returns `status` with the message "PATH: ...". */
pt_status_t pt__json_fail(const pt__json_t *value, pt_status_t status, const char *format, ...) PT__PRINTF(3, 4);
/* Appends the value as JSON. A string: with quotation marks, escaped; bytes that are not UTF-8 become U+FFFD. A number:
 * the shortest digits that read back as the same double; "null" where it is not finite. */
struct pt__text;
void pt__json_print(const pt__json_t *value, struct pt__text *text);
/* The same of an object's member, with its key: "KEY": VALUE. */
void pt__json_print_member(const pt__json_t *member, struct pt__text *text);
void pt__json_add_string(struct pt__text *text, const char *bytes, int64_t length);
void pt__json_add_number(struct pt__text *text, double number);
/* "a string", "an object", ... */
const char *pt__json_kind_name(pt__json_kind_t kind);

#endif
