/* Values within a JSON text, found where they stand: of configurations and of a table's first line, whose whole check
 * is the library's. */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* A value: its first character tells its kind, as JSON's do. begin NULL: there is none. */
typedef struct slice {
    const char *begin;
    const char *end;
} slice_t;

/* The value that the text is; none where it is not one value with nothing behind it. */
slice_t json_whole_text(const char *text, size_t length);
/* The value of an object's key; none where it has none or is no object. */
slice_t json_member(slice_t object, const char *key);
/* The element behind `previous` of an array, the first for none; none at the end, and where it is no array. */
slice_t json_element(slice_t array, slice_t previous);
/* How many elements an array, or members an object has; 0 for others. */
int64_t json_count(slice_t value);
/* The keys of an object, one by one, as json_element. */
slice_t json_key(slice_t object, slice_t previous);
/* A string without escapes beyond \", \\ and \/, at most size bytes with its final 0; 0 where it is none or too long.
 */
int json_copy_string(slice_t value, char *buffer, size_t size);
/* A whole number; 0 where it is none. */
int json_integer(slice_t value, int64_t *number);

#endif
