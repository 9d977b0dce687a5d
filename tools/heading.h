/* What a table's first line tells: which columns or keys there are, so that a command can choose among them. */
#ifndef HEADING_H
#define HEADING_H

#include "joined.h"

typedef struct heading {
    /* headings, or keys of the first object */
    names_t names;
    /* of the first object, for each key: how many elements its value has; -1: it is no list */
    int64_t *counts;
} heading_t;

/* Reads the first line of JSON lines, or of a CSV file: what it lists is empty where the line cannot be read, which the
 * library tells better. has_headings 0: columns are named #1, #2, ... EXIT_DONE, or a status after a message. */
int heading_read(const char *path, int is_json, char separator, int has_headings, heading_t *heading);
void heading_free(heading_t *heading);
/* How many elements the list under a key has; -1: it is no list, or not there. */
int64_t heading_count(const heading_t *heading, const char *name);
int heading_has(const heading_t *heading, const char *name);

#endif
