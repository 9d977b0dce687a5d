/* A recursive descent over the text, at most MAX_DEPTH levels deep. Values, strings and key indices lie in an arena of
 * growing blocks, so that a document is freed as a whole and a failure anywhere leaves nothing behind. */
#include "base/json.h"

#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/sort.h"
#include "base/utf8.h"

enum { MAX_DEPTH = 128, FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20, SORTED_FROM = 8 };

typedef struct block {
    struct block *next;
    size_t size, used; /* of the bytes behind this header */
} block_t;

struct pt__json_document {
    pt__memory_t *memory;
    block_t *blocks; /* the newest first */
};

typedef struct reader {
    pt__json_document_t *document;
    const char *name, *text;
    int64_t at, length;
    int depth;
} reader_t;

static pt_status_t take(pt__json_document_t *document, size_t size, void *out)
{
    block_t *block = document->blocks;
    size = (size + 7) & ~(size_t)7;
    if (!block || block->size - block->used < size) {
        size_t wanted = block ? block->size * 2 : FIRST_BLOCK;
        wanted = wanted > LARGEST_BLOCK ? LARGEST_BLOCK : wanted;
        wanted = wanted < size ? size : wanted;
        PT__TRY(pt__allocate_uninitialised(document->memory, 1, sizeof *block + wanted, "JSON document", &block));
        *block = (block_t){document->blocks, wanted, 0};
        document->blocks = block;
    }
    void *taken = (char *)(block + 1) + block->used;
    block->used += size;
    memcpy(out, &taken, sizeof taken);
    return PT_OK;
}

void pt__json_free(pt__json_document_t *document)
{
    if (!document)
        return;
    while (document->blocks) {
        block_t *block = document->blocks;
        document->blocks = block->next;
        pt__release(document->memory, block);
    }
    pt__release(document->memory, document);
}

static pt_status_t fail_at(const reader_t *reader, int64_t at, const char *expected)
{
    char found[24] = "the end";
    if (at < reader->length) {
        unsigned char byte = (unsigned char)reader->text[at];
        snprintf(found, sizeof found, byte > 0x20 && byte < 0x7F ? "'%c'" : "byte 0x%02X", byte);
    }
    return pt__fail(PT_ERR_FORMAT, "%s: byte %lld: expected %s, found %s", reader->name, (long long)at, expected,
                    found);
}

static void skip_blanks(reader_t *reader)
{
    while (reader->at < reader->length && strchr(" \t\n\r", reader->text[reader->at]) && reader->text[reader->at])
        reader->at++;
}

/* The byte at the cursor; 0 at the end (a 0 in the text is no token either). */
static char peek(const reader_t *reader)
{
    return reader->at < reader->length ? reader->text[reader->at] : 0;
}

/* ---- Strings ---- */

static int32_t hex_value(const reader_t *reader, int64_t at)
{
    int32_t value = 0;
    if (reader->length - at < 4)
        return -1;
    for (int64_t i = at; i < at + 4; i++) {
        char c = reader->text[i];
        int32_t digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static char *encode_utf8(char *out, int32_t code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xC0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3F));
    } else {
        if (code < 0x10000) {
            *out++ = (char)(0xE0 | code >> 12);
        } else {
            *out++ = (char)(0xF0 | code >> 18);
            *out++ = (char)(0x80 | (code >> 12 & 0x3F));
        }
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    }
    return out;
}

/* \uXXXX at the cursor, behind "\u"; two of them where the first is a high surrogate. */
static pt_status_t read_unicode_escape(reader_t *reader, char **out)
{
    int64_t begin = reader->at;
    int32_t code = hex_value(reader, begin), low;
    if (code < 0)
        return fail_at(reader, begin, "four hexadecimal digits");
    reader->at += 4;
    if (code >= 0xDC00 && code <= 0xDFFF)
        return fail_at(reader, begin, "a character, not a low surrogate alone");
    if (code >= 0xD800 && code <= 0xDBFF) {
        low = -1;
        if (reader->length - reader->at >= 6 && memcmp(reader->text + reader->at, "\\u", 2) == 0)
            low = hex_value(reader, reader->at + 2);
        if (low < 0xDC00 || low > 0xDFFF)
            return fail_at(reader, reader->at, "the low surrogate of a pair");
        reader->at += 6;
        code = 0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00);
    }
    *out = encode_utf8(*out, code);
    return PT_OK;
}

static pt_status_t read_escape(reader_t *reader, char **out)
{
    static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    char letter = peek(reader);
    const char *place = letter ? strchr(letters, letter) : NULL;
    if (!place && letter != 'u')
        return fail_at(reader, reader->at, "one of \"\\/bfnrtu after a backslash");
    reader->at++;
    if (!place)
        return read_unicode_escape(reader, out);
    *(*out)++ = bytes[place - letters];
    return PT_OK;
}

/* Finds the closing quotation mark: what lies between is the most room that the string can need. */
static pt_status_t find_string_end(const reader_t *reader, int64_t *end)
{
    int64_t at = reader->at;
    for (; at < reader->length && reader->text[at] != '"'; at++)
        if (reader->text[at] == '\\')
            at++;
    if (at >= reader->length)
        return fail_at(reader, reader->length, "'\"' at the end of a string");
    *end = at;
    return PT_OK;
}

static pt_status_t read_string(reader_t *reader, const char **string, int64_t *length)
{
    int64_t end = 0;
    char *begin, *out;
    reader->at++;
    PT__TRY(find_string_end(reader, &end));
    PT__TRY(take(reader->document, (size_t)(end - reader->at) + 1, &begin));
    out = begin;
    while (reader->at < end) {
        unsigned char byte = (unsigned char)reader->text[reader->at];
        int32_t sequence = pt__utf8_length(reader->text + reader->at, reader->length - reader->at);
        if (byte < 0x20)
            return fail_at(reader, reader->at, "no bare control character in a string");
        if (sequence == 0)
            return fail_at(reader, reader->at, "UTF-8");
        if (byte == '\\') {
            reader->at++;
            PT__TRY(read_escape(reader, &out));
            continue;
        }
        memcpy(out, reader->text + reader->at, (size_t)sequence);
        out += sequence;
        reader->at += sequence;
    }
    reader->at++;
    *out = 0;
    *string = begin;
    *length = out - begin;
    return PT_OK;
}

/* ---- Numbers and words ---- */

static void skip_digits(reader_t *reader)
{
    while (peek(reader) >= '0' && peek(reader) <= '9')
        reader->at++;
}

static pt_status_t want_digits(reader_t *reader)
{
    if (peek(reader) < '0' || peek(reader) > '9')
        return fail_at(reader, reader->at, "a digit");
    skip_digits(reader);
    return PT_OK;
}

static pt_status_t read_number(reader_t *reader, pt__json_t *value)
{
    int64_t begin = reader->at;
    int whole = 1;
    value->kind = PT__JSON_NUMBER;
    if (peek(reader) == '-')
        reader->at++;
    if (peek(reader) == '0')
        reader->at++;
    else
        PT__TRY(want_digits(reader));
    if (peek(reader) == '.') {
        whole = 0;
        reader->at++;
        PT__TRY(want_digits(reader));
    }
    if (peek(reader) == 'e' || peek(reader) == 'E') {
        whole = 0;
        reader->at++;
        if (peek(reader) == '+' || peek(reader) == '-')
            reader->at++;
        PT__TRY(want_digits(reader));
    }
    value->is_integer = whole && pt__number_parse_int64(reader->text + begin, reader->at - begin, &value->integer);
    if (!pt__number_parse(reader->text + begin, reader->at - begin, &value->number))
        return fail_at(reader, begin, "a number");
    return PT_OK;
}

static pt_status_t read_word(reader_t *reader, pt__json_t *value)
{
    static const struct {
        const char *word;
        pt__json_kind_t kind;
        int64_t integer;
    } words[] = {{"true", PT__JSON_BOOL, 1}, {"false", PT__JSON_BOOL, 0}, {"null", PT__JSON_NULL, 0}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t length = strlen(words[i].word);
        if ((uint64_t)(reader->length - reader->at) < length ||
            memcmp(reader->text + reader->at, words[i].word, length) != 0)
            continue;
        value->kind = words[i].kind;
        value->integer = words[i].integer;
        reader->at += (int64_t)length;
        return PT_OK;
    }
    return fail_at(reader, reader->at, "a value");
}

/* ---- Arrays and objects ---- */

static int compare_keys(const char *a, int64_t a_length, const char *b, int64_t b_length)
{
    int order = memcmp(a, b, (size_t)(a_length < b_length ? a_length : b_length));
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_members(const void *a, const void *b, void *user)
{
    const pt__json_t *first = a, *second = b;
    (void)user;
    return compare_keys(first->key, first->key_length, second->key, second->key_length);
}

static pt_status_t fail_duplicate(const reader_t *reader, const pt__json_t *member)
{
    return pt__fail(PT_ERR_FORMAT, "%s: byte %lld: the object that ends here has the key \"%s\" twice", reader->name,
                    (long long)reader->at, member->key);
}

/* Refuses duplicate keys; larger objects get an index for lookups. */
static pt_status_t index_members(reader_t *reader, pt__json_t *object)
{
    const pt__json_t **members;
    int64_t count = 0;
    if (object->length < SORTED_FROM) {
        for (const pt__json_t *a = object->first; a; a = a->next)
            for (const pt__json_t *b = a->next; b; b = b->next)
                if (compare_keys(a->key, a->key_length, b->key, b->key_length) == 0)
                    return fail_duplicate(reader, b);
        return PT_OK;
    }
    PT__TRY(take(reader->document, (size_t)object->length * sizeof *members, &members));
    for (const pt__json_t *member = object->first; member; member = member->next)
        members[count++] = member;
    pt__sort((const void **)members, count, compare_members, NULL);
    for (int64_t i = 1; i < count; i++)
        if (compare_members(members[i - 1], members[i], NULL) == 0)
            return fail_duplicate(reader, members[i]);
    object->by_key = members;
    return PT_OK;
}

static pt_status_t read_value(reader_t *reader, pt__json_t *value);

static pt_status_t read_key(reader_t *reader, pt__json_t *member)
{
    if (peek(reader) != '"')
        return fail_at(reader, reader->at, "'\"' before a key");
    PT__TRY(read_string(reader, &member->key, &member->key_length));
    skip_blanks(reader);
    if (peek(reader) != ':')
        return fail_at(reader, reader->at, "':' after a key");
    reader->at++;
    skip_blanks(reader);
    return PT_OK;
}

/* An array or an object: opened at the cursor, which ends behind its closing bracket. */
static pt_status_t read_members(reader_t *reader, pt__json_t *value)
{
    int is_object = value->kind == PT__JSON_OBJECT;
    char close = is_object ? '}' : ']';
    const pt__json_t **link = &value->first;
    if (reader->depth == MAX_DEPTH)
        return fail_at(reader, reader->at, "at most 128 levels of nesting");
    reader->depth++;
    reader->at++;
    skip_blanks(reader);
    while (value->length > 0 || peek(reader) != close) {
        pt__json_t *member;
        PT__TRY(take(reader->document, sizeof *member, &member));
        *member = (pt__json_t){.parent = value};
        if (is_object)
            PT__TRY(read_key(reader, member));
        PT__TRY(read_value(reader, member));
        *link = member;
        link = &member->next;
        value->length++;
        skip_blanks(reader);
        if (peek(reader) == close)
            break;
        if (peek(reader) != ',')
            return fail_at(reader, reader->at, is_object ? "',' or '}'" : "',' or ']'");
        reader->at++;
        skip_blanks(reader);
    }
    reader->at++;
    reader->depth--;
    return is_object ? index_members(reader, value) : PT_OK;
}

static pt_status_t read_value(reader_t *reader, pt__json_t *value)
{
    switch (peek(reader)) {
    case '{':
        value->kind = PT__JSON_OBJECT;
        return read_members(reader, value);
    case '[':
        value->kind = PT__JSON_ARRAY;
        return read_members(reader, value);
    case '"':
        value->kind = PT__JSON_STRING;
        return read_string(reader, &value->string, &value->length);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return read_number(reader, value);
    default:
        return read_word(reader, value);
    }
}

pt_status_t pt__json_parse(pt__memory_t *memory, const char *name, const char *text, int64_t length,
                           pt__json_document_t **out, const pt__json_t **root)
{
    pt__json_document_t *document;
    pt__json_t *value;
    pt_status_t status;
    *out = NULL;
    *root = NULL;
    PT__TRY(pt__allocate(memory, 1, sizeof *document, "JSON document", &document));
    document->memory = memory;
    reader_t reader = {.document = document, .name = name, .text = text, .length = length};
    PT__TRY_OUT(take(document, sizeof *value, &value));
    *value = (pt__json_t){.parent = NULL};
    skip_blanks(&reader);
    PT__TRY_OUT(read_value(&reader, value));
    skip_blanks(&reader);
    if (reader.at < reader.length) {
        status = fail_at(&reader, reader.at, "nothing after the value");
        goto out;
    }
    *out = document;
    *root = value;
    return PT_OK;
out:
    pt__json_free(document);
    return status;
}

const pt__json_t *pt__json_find(const pt__json_t *object, const char *key)
{
    int64_t key_length = (int64_t)strlen(key), low = 0, high;
    if (!object || object->kind != PT__JSON_OBJECT)
        return NULL;
    if (!object->by_key) {
        for (const pt__json_t *member = object->first; member; member = member->next)
            if (compare_keys(member->key, member->key_length, key, key_length) == 0)
                return member;
        return NULL;
    }
    for (high = object->length; low < high;) {
        int64_t middle = low + (high - low) / 2;
        const pt__json_t *member = object->by_key[middle];
        int order = compare_keys(member->key, member->key_length, key, key_length);
        if (order == 0)
            return member;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
