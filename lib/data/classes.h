/* The distinct values of a class column, numbered in order: numbers by value, strings by bytes. */
#ifndef PT__CLASSES_H
#define PT__CLASSES_H

#include "base/json.h"

typedef struct pt__class {
    int64_t name; /* where its name begins in the arena; a 0 is behind it */
    int64_t length;
    int64_t number; /* where it is a number */
    int32_t place;  /* after pt__classes_finish: among all, in order */
} pt__class_t;

typedef enum pt__class_kind { PT__CLASS_UNKNOWN, PT__CLASS_NUMBERS, PT__CLASS_NAMES } pt__class_kind_t;

typedef struct pt__classes {
    pt__memory_t *memory;
    pt__class_kind_t kind; /* of the first value; others must be alike */
    pt__class_t *list;     /* [count], in the order of appearance */
    int64_t count, capacity;
    char *arena;
    int64_t used, arena_capacity;
    int32_t *slots; /* [n_slots] open addressing: number of a class + 1; 0: free */
    int64_t n_slots;
    int32_t *ordered; /* after finish: [n_ordered] numbers of classes by place */
    int64_t n_ordered;
} pt__classes_t;

/* The number, in the order of appearance, of a value that may be new. */
pt_status_t pt__classes_add_name(pt__classes_t *classes, const char *name, int64_t length, int32_t *out);
pt_status_t pt__classes_add_number(pt__classes_t *classes, int64_t number, int32_t *out);
/* The same of a label in JSON, a string or a whole number; PT_ERR_FORMAT: it is neither. */
pt_status_t pt__classes_add_json(pt__classes_t *classes, const pt__json_t *value, int32_t *out);
/* Puts the classes in order. names_are_numbers: where all names are whole numbers, their values count, and equal
 * ones are one class. */
pt_status_t pt__classes_finish(pt__classes_t *classes, int32_t names_are_numbers);
const char *pt__classes_name(const pt__classes_t *classes, int64_t place);
void pt__classes_free(pt__classes_t *classes);

#endif
