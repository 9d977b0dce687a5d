/* Python's pickles, read as data: what would be called is noted with its arguments, and nothing is. A reader knows the
 * opcodes and names that a state dict needs, and refuses all others by name. The bytes may be anything; memory is
 * bounded, whatever they say. */
#ifndef PT__PICKLE_H
#define PT__PICKLE_H

#include "base/memory.h"

typedef enum pt__pickle_kind {
    PT__PICKLE_NONE = 0,
    PT__PICKLE_BOOL,
    PT__PICKLE_INTEGER,
    PT__PICKLE_NUMBER, /* a float, whose value is not kept, or an integer beyond 64 bits */
    PT__PICKLE_STRING,
    PT__PICKLE_BYTES,
    PT__PICKLE_TUPLE,
    PT__PICKLE_LIST,
    PT__PICKLE_DICT,
    PT__PICKLE_GLOBAL,   /* a name of Python's */
    PT__PICKLE_CALL,     /* what it would return, called */
    PT__PICKLE_REFERENCE /* to something outside of the pickle: a "persistent id" */
} pt__pickle_kind_t;

/* A value. Values may be members of several others, and of themselves. */
typedef struct pt__pickle pt__pickle_t;
struct pt__pickle {
    pt__pickle_kind_t kind;
    int32_t global; /* GLOBAL, CALL: index in the caller's list */
    union {
        int64_t integer; /* BOOL, INTEGER */
        struct {         /* STRING, BYTES: within the pickle, no 0 behind; NUMBER: of the integer, or none */
            const char *bytes;
            int64_t length;
        };
        struct { /* TUPLE, LIST; DICT: key, value, key, value ... */
            const pt__pickle_t **items;
            int64_t count, capacity;
        };
        struct {
            const pt__pickle_t *of;        /* CALL: its arguments, a TUPLE; REFERENCE: the id */
            const pt__pickle_t *reference; /* REFERENCE: the one before it in the pickle, or NULL */
            const pt__pickle_t *state;     /* CALL: what is set on what it returns, or NULL */
        };
    };
};

/* A name that a pickle may have, and what it stands for there. */
typedef enum pt__pickle_use {
    PT__PICKLE_NAMED = 0, /* a value of its own; it is not called */
    PT__PICKLE_CALLED,    /* gives a CALL */
    PT__PICKLE_MAKES_DICT /* gives a DICT, of nothing, of a list of pairs, or of another DICT */
} pt__pickle_use_t;

typedef struct pt__pickle_global {
    const char *name; /* "MODULE.NAME" */
    pt__pickle_use_t use;
} pt__pickle_global_t;

typedef struct pt__pickled { /* owns all values */
    pt__memory_t *memory;
    void *blocks;
    int64_t held; /* bytes of the blocks */
    const pt__pickle_t *root;
    const pt__pickle_t *references; /* the last one */
    int64_t end;                    /* how many bytes the pickle has */
} pt__pickled_t;

/* Reads one pickle, which others bytes may follow and which must outlive it. Messages name the byte. On failure there
 * is nothing to free. */
pt_status_t pt__pickle_read(pt__memory_t *memory, const uint8_t *bytes, int64_t size,
                            const pt__pickle_global_t *globals, int32_t n_globals, pt__pickled_t *out);
void pt__pickle_free(pt__pickled_t *pickled);

/* "a tuple", "a string" ... */
const char *pt__pickle_kind_name(const pt__pickle_t *value);
/* The value of a string key, the last where there are several; NULL where there is none, or `dict` is none. */
const pt__pickle_t *pt__pickle_find(const pt__pickle_t *dict, const char *key);

#endif
