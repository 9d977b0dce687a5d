/* The baseline that everybody knows: character n-grams, as scikit-learn's TfidfVectorizer makes them. */
#include "quickstart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CHARACTERS = 5 };

typedef struct ngrams { /* a table of n-grams by their hash */
    uint64_t *keys;     /* 0: free */
    int32_t *ids;
    int64_t capacity, count;
} ngrams_t;

/* The n-gram's place among those that are known; a new one gets one where `add` is not 0. -1: not known. */
static int32_t find(ngrams_t *table, uint64_t key, int add)
{
    if (add && 2 * table->count >= table->capacity) {
        ngrams_t larger = {.capacity = 2 * table->capacity + 1024, .count = table->count};
        larger.keys = checked(calloc((size_t)larger.capacity, sizeof *larger.keys));
        larger.ids = checked(calloc((size_t)larger.capacity, sizeof *larger.ids));
        for (int64_t i = 0; i < table->capacity; i++) {
            uint64_t place = table->keys[i] % (uint64_t)larger.capacity;
            if (!table->keys[i])
                continue;
            while (larger.keys[place])
                place = (place + 1) % (uint64_t)larger.capacity;
            larger.keys[place] = table->keys[i];
            larger.ids[place] = table->ids[i];
        }
        free(table->keys);
        free(table->ids);
        *table = larger;
    }
    if (table->capacity == 0)
        return -1;
    uint64_t place = key % (uint64_t)table->capacity;
    while (table->keys[place] && table->keys[place] != key)
        place = (place + 1) % (uint64_t)table->capacity;
    if (table->keys[place])
        return table->ids[place];
    if (!add)
        return -1;
    table->keys[place] = key;
    table->ids[place] = (int32_t)table->count++;
    return table->ids[place];
}

typedef struct found { /* n-grams of one text as they come */
    int32_t *ids;
    int64_t count, capacity;
} found_t;

static void note(found_t *found, int32_t id)
{
    if (id < 0)
        return;
    if (found->count == found->capacity) {
        found->capacity = 2 * found->capacity + 1024;
        found->ids = checked(realloc(found->ids, (size_t)found->capacity * sizeof *found->ids));
    }
    found->ids[found->count++] = id;
}

static int is_blank(char character)
{
    return character == ' ' || (character >= '\t' && character <= '\r');
}

/* All n-grams of a word with a blank before and after it; of a word shorter than n all of it, once. Characters are
 * those of UTF-8, capitals of ASCII small. */
static void word_ngrams(const char *word, size_t length, ngrams_t *table, int add, found_t *found)
{
    char *padded = checked(malloc(length + 3));
    size_t *starts = checked(malloc((length + 3) * sizeof *starts)), characters = 0, bytes = length + 2;
    padded[0] = padded[length + 1] = ' ';
    for (size_t i = 0; i < length; i++)
        padded[i + 1] = word[i] >= 'A' && word[i] <= 'Z' ? (char)(word[i] + 32) : word[i];
    for (size_t i = 0; i < bytes; i++) {
        if (((unsigned char)padded[i] & 0xc0u) != 0x80u)
            starts[characters++] = i;
    }
    starts[characters] = bytes;
    for (size_t n = 1; n <= MOST_CHARACTERS; n++) {
        for (size_t begin = 0; begin == 0 || begin + n <= characters; begin++) {
            size_t end = begin + n < characters ? begin + n : characters;
            uint64_t key = 14695981039346656037u;
            for (size_t i = starts[begin]; i < starts[end]; i++)
                key = (key ^ (unsigned char)padded[i]) * 1099511628211u;
            note(found, find(table, key ? key : 1, add));
        }
        if (n > characters)
            break;
    }
    free(padded);
    free(starts);
}

static void text_ngrams(const char *text, ngrams_t *table, int add, found_t *found)
{
    found->count = 0;
    while (*text) {
        size_t length = 0;
        while (is_blank(*text))
            text++;
        while (text[length] && !is_blank(text[length]))
            length++;
        if (length)
            word_ngrams(text, length, table, add, found);
        text += length;
    }
}

static int compare_ids(const void *a, const void *b)
{
    int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    return (left > right) - (left < right);
}

void count_ngrams(char **texts, const int64_t *numbers, int64_t count, const int64_t *training, int64_t n_training,
                  bags_t *out, int64_t *rows)
{
    ngrams_t table = {0};
    found_t found = {0};
    for (int64_t i = 0; i < n_training; i++)
        text_ngrams(texts[training[i]], &table, 1, &found);
    /* In how many of the training texts each stands. */
    float *idf = checked(calloc((size_t)table.count + 1, sizeof *idf));
    for (int64_t i = 0; i < n_training; i++) {
        text_ngrams(texts[training[i]], &table, 0, &found);
        qsort(found.ids, (size_t)found.count, sizeof *found.ids, compare_ids);
        for (int64_t j = 0; j < found.count; j++)
            idf[found.ids[j]] += j == 0 || found.ids[j] != found.ids[j - 1] ? 1.0f : 0.0f;
    }
    for (int64_t i = 0; i < table.count; i++)
        idf[i] = (float)(log((1 + (double)n_training) / (1 + (double)idf[i])) + 1);

    int64_t capacity = 0, used = 0;
    *out = (bags_t){.count = count, .longest = 1};
    out->offsets = checked(calloc((size_t)count + 1, sizeof *out->offsets));
    for (int64_t i = 0; i < count; i++) {
        double squares = 0;
        text_ngrams(texts[numbers[i]], &table, 0, &found);
        if (found.count > 0)
            qsort(found.ids, (size_t)found.count, sizeof *found.ids, compare_ids);
        if (used + found.count + 1 > capacity) {
            capacity = 2 * capacity + found.count + 1;
            out->ids = checked(realloc(out->ids, (size_t)capacity * sizeof *out->ids));
            out->weights = checked(realloc(out->weights, (size_t)capacity * sizeof *out->weights));
        }
        for (int64_t j = 0, next; j < found.count; j = next) {
            for (next = j + 1; next < found.count && found.ids[next] == found.ids[j];)
                next++;
            double weight = (1 + log((double)(next - j))) * (double)idf[found.ids[j]];
            out->ids[used] = found.ids[j];
            out->weights[used++] = (float)weight;
            squares += weight * weight;
        }
        if (used == out->offsets[i]) { /* a text of which nothing is known: an n-gram that counts nothing */
            out->ids[used] = 0;
            out->weights[used++] = 0;
        }
        for (int64_t j = out->offsets[i]; j < used && squares > 0; j++)
            out->weights[j] /= (float)sqrt(squares);
        out->offsets[i + 1] = used;
        out->longest = used - out->offsets[i] > out->longest ? used - out->offsets[i] : out->longest;
    }
    *rows = table.count > 0 ? table.count : 1;
    free(idf);
    free(found.ids);
    free(table.keys);
    free(table.ids);
}
