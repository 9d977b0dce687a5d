/* A set of strings with numbers: an arena of names, a list, and a hash table of places in the list. Called by tables
 * while they are read. */
#include "data/classes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/number.h"
#include "base/sort.h"

enum { FIRST_SLOTS = 64, DIGITS = 24 };

/* The slot that holds this name, or the free one where it belongs. */
static int32_t *find_slot(const pt__classes_t *classes, const char *name, int64_t length)
{
    uint64_t mask = (uint64_t)classes->n_slots - 1, at = pt__hash_bytes(0, name, (size_t)length) & mask;
    for (;; at = (at + 1) & mask) {
        int32_t number = classes->slots[at];
        if (number == 0)
            return &classes->slots[at];
        const pt__class_t *one = &classes->list[number - 1];
        if (one->length == length && memcmp(classes->arena + one->name, name, (size_t)length) == 0)
            return &classes->slots[at];
    }
}

/* Keeps at most half of the slots taken. */
static pt_status_t grow_slots(pt__classes_t *classes)
{
    int32_t *slots;
    if (2 * (classes->count + 1) <= classes->n_slots)
        return PT_OK;
    int64_t n_slots = classes->n_slots == 0 ? FIRST_SLOTS : 2 * classes->n_slots;
    PT__TRY(pt__allocate(classes->memory, (size_t)n_slots, sizeof *classes->slots, "classes", &slots));
    pt__release(classes->memory, classes->slots);
    classes->slots = slots;
    classes->n_slots = n_slots;
    for (int64_t i = 0; i < classes->count; i++)
        *find_slot(classes, classes->arena + classes->list[i].name, classes->list[i].length) = (int32_t)(i + 1);
    return PT_OK;
}

/* Copies a name into the arena, with a 0 behind it. */
static pt_status_t store_name(pt__classes_t *classes, const char *name, int64_t length, pt__class_t *one)
{
    PT__TRY(pt__grow(classes->memory, &classes->arena, &classes->arena_capacity, classes->used + length + 1, 1,
                     "names of classes"));
    memcpy(classes->arena + classes->used, name, (size_t)length);
    classes->arena[classes->used + length] = 0;
    one->name = classes->used;
    one->length = length;
    classes->used += length + 1;
    return PT_OK;
}

static pt_status_t add(pt__classes_t *classes, pt__class_kind_t kind, const char *name, int64_t length, int64_t number,
                       int32_t *out)
{
    if (classes->kind != PT__CLASS_UNKNOWN && classes->kind != kind)
        return pt__fail(PT_ERR_FORMAT, "expected a %s like those before it, found a %s",
                        kind == PT__CLASS_NAMES ? "whole number" : "string",
                        kind == PT__CLASS_NAMES ? "string" : "number");
    PT__TRY(grow_slots(classes));
    int32_t *slot = find_slot(classes, name, length);
    if (*slot == 0) {
        if (classes->count >= INT32_MAX - 1)
            return pt__fail(PT_ERR_UNSUPPORTED, "more than 2147483646 distinct classes");
        PT__TRY(pt__grow(classes->memory, &classes->list, &classes->capacity, classes->count + 1, sizeof *classes->list,
                         "classes"));
        PT__TRY(store_name(classes, name, length, &classes->list[classes->count]));
        classes->list[classes->count].number = number;
        *slot = (int32_t)++classes->count;
    }
    classes->kind = kind;
    *out = *slot - 1;
    return PT_OK;
}

pt_status_t pt__classes_add_name(pt__classes_t *classes, const char *name, int64_t length, int32_t *out)
{
    if (length == 0)
        return pt__fail(PT_ERR_FORMAT, "expected a class, found nothing");
    if (memchr(name, 0, (size_t)length) != NULL)
        return pt__fail(PT_ERR_FORMAT, "the name of a class has a zero byte in it");
    return add(classes, PT__CLASS_NAMES, name, length, 0, out);
}

pt_status_t pt__classes_add_number(pt__classes_t *classes, int64_t number, int32_t *out)
{
    char digits[DIGITS];
    int length = snprintf(digits, sizeof digits, "%" PRId64, number);
    return add(classes, PT__CLASS_NUMBERS, digits, length, number, out);
}

pt_status_t pt__classes_add_json(pt__classes_t *classes, const pt__json_t *value, int32_t *out)
{
    if (value->kind == PT__JSON_STRING)
        return pt__classes_add_name(classes, value->string, value->length, out);
    if (value->kind == PT__JSON_NUMBER && value->is_integer)
        return pt__classes_add_number(classes, value->integer, out);
    return pt__json_fail(value, PT_ERR_FORMAT, "expected a string or a whole number");
}

/* Where all names are whole numbers, they become numbers, their names the plain digits. */
static pt_status_t names_to_numbers(pt__classes_t *classes)
{
    for (int64_t i = 0; i < classes->count; i++) {
        pt__class_t *one = &classes->list[i];
        if (!pt__number_parse_int64(classes->arena + one->name, one->length, &one->number))
            return PT_OK;
    }
    for (int64_t i = 0; i < classes->count; i++) {
        char digits[DIGITS];
        int length = snprintf(digits, sizeof digits, "%" PRId64, classes->list[i].number);
        PT__TRY(store_name(classes, digits, length, &classes->list[i]));
    }
    classes->kind = PT__CLASS_NUMBERS;
    return PT_OK;
}

static int compare(const void *a, const void *b, void *user)
{
    const pt__classes_t *classes = user;
    const pt__class_t *x = a, *y = b;
    if (classes->kind == PT__CLASS_NUMBERS)
        return (x->number > y->number) - (x->number < y->number);
    int order = memcmp(classes->arena + x->name, classes->arena + y->name,
                       (size_t)(x->length < y->length ? x->length : y->length));
    return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

pt_status_t pt__classes_finish(pt__classes_t *classes, int32_t names_are_numbers)
{
    const void **sorted;
    if (names_are_numbers && classes->kind == PT__CLASS_NAMES)
        PT__TRY(names_to_numbers(classes));
    PT__TRY(pt__allocate(classes->memory, (size_t)classes->count, sizeof *classes->ordered, "order of classes",
                         &classes->ordered));
    PT__TRY(pt__allocate(classes->memory, (size_t)classes->count, sizeof *sorted, "order of classes", &sorted));
    for (int64_t i = 0; i < classes->count; i++)
        sorted[i] = &classes->list[i];
    pt__sort(sorted, classes->count, compare, classes);
    for (int64_t i = 0; i < classes->count; i++) {
        int64_t number = (const pt__class_t *)sorted[i] - classes->list;
        if (i == 0 || compare(sorted[i - 1], sorted[i], classes) != 0)
            classes->ordered[classes->n_ordered++] = (int32_t)number;
        classes->list[number].place = (int32_t)classes->n_ordered - 1;
    }
    pt__release(classes->memory, sorted);
    pt__release(classes->memory, classes->slots); /* nothing is looked up any more */
    classes->slots = NULL;
    return PT_OK;
}

const char *pt__classes_name(const pt__classes_t *classes, int64_t place)
{
    return place < 0 || place >= classes->n_ordered ? NULL
                                                    : classes->arena + classes->list[classes->ordered[place]].name;
}

void pt__classes_free(pt__classes_t *classes)
{
    pt__release(classes->memory, classes->list);
    pt__release(classes->memory, classes->arena);
    pt__release(classes->memory, classes->slots);
    pt__release(classes->memory, classes->ordered);
}
