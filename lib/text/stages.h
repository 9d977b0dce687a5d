/* A text's way to its words: stages one after the other, each of which edits a passage or cuts it into pieces. The
 * normalizers and pre-tokenizers of a tokenizer.json are such stages, one file a few of a kind. */
#ifndef PT__STAGES_H
#define PT__STAGES_H

#include "base/json.h"
#include "text/scanners.h"

/* Bytes on their way, and of each the stretch of the original text that it comes from. */
typedef struct pt__passage {
    const uint8_t *bytes;
    int64_t size;                  /* bytes may be read up to here */
    const uint32_t *begins, *ends; /* [size]; NULL: the bytes are the original's, at their own places */
} pt__passage_t;

typedef struct pt__edited { /* a buffer that a stage writes */
    pt__memory_t *memory;
    uint8_t *bytes;
    uint32_t *begins, *ends; /* kept where spans are wanted */
    int64_t size, bytes_capacity, begins_capacity, ends_capacity;
    int32_t wants_spans;
} pt__edited_t;

/* Appends bytes that stand for original[begin .. end). */
pt_status_t pt__edited_add(pt__edited_t *edited, const void *bytes, int64_t length, uint32_t begin, uint32_t end);
/* Makes room for so many bytes more, which the caller may then write behind `size` itself. */
pt_status_t pt__edited_make_room(pt__edited_t *edited, int64_t length);
/* Appends bytes of the passage as they are, each with its own place. */
pt_status_t pt__edited_copy(pt__edited_t *edited, const pt__passage_t *passage, int64_t begin, int64_t end);
/* Appends a run of ASCII, which most of most texts is, from *begin on, and moves *begin behind it: what a byte becomes
 * stands in the table, PT__BYTE_GONE for nothing. */
enum { PT__BYTE_GONE = 0xFF };
pt_status_t pt__edited_convert(pt__edited_t *edited, const uint8_t table[128], const pt__passage_t *passage,
                               int64_t *begin, int64_t end);
void pt__edited_free(pt__edited_t *edited);

/* Where passage's bytes [begin .. end), at least one, come from. */
static inline pt__cut_t pt__passage_origin(const pt__passage_t *passage, int64_t begin, int64_t end)
{
    if (passage->begins == NULL)
        return (pt__cut_t){(uint32_t)begin, (uint32_t)end};
    return (pt__cut_t){passage->begins[begin], passage->ends[end - 1]};
}

/* Writes what passage[begin .. end) becomes. */
typedef pt_status_t pt__edit_fn(const void *settings, const pt__passage_t *passage, int64_t begin, int64_t end,
                                pt__edited_t *edited);

/* What a cutter knows of a text that it is cutting; begin, end and text stand, the rest begins as zeros. */
typedef struct pt__cutting {
    const uint8_t *text;
    int64_t begin, end;
    int64_t at, covered;   /* from `begin` on: where it looks for the next match, and what is in pieces */
    pt__cut_t match, held; /* a match behind a gap; a piece that may grow */
    int32_t has_match, has_held, held_is_match, has_found, is_over;
    double seconds; /* that hard matches took */
} pt__cutting_t;

/* The next pieces, as a scanner's; it may fail. */
typedef pt_status_t pt__cut_fn(const void *settings, pt__cutting_t *cutting, pt__cut_t *cuts, int32_t most,
                               int32_t *count);

typedef struct pt__stage { /* one of the three functions */
    pt__edit_fn *edit;
    pt__scan_fn *scan;
    pt__cut_fn *cut;
    void *settings;                                        /* its own block, or NULL */
    void (*release)(pt__memory_t *memory, void *settings); /* NULL: the settings are but a block */
    int32_t wants_origins;                                 /* it edits, and asks where its passage comes from */
} pt__stage_t;

enum { PT__STAGES_MOST = 24 };

typedef struct pt__stages {
    pt__memory_t *memory;
    pt__stage_t list[PT__STAGES_MOST];
    int32_t count;
    int32_t is_byte_level; /* words are bytes, written as characters in the vocabulary */
} pt__stages_t;

void pt__stages_free(pt__stages_t *stages);
/* Appends one; the settings are the list's in any case. */
pt_status_t pt__stages_add(pt__stages_t *stages, pt__edit_fn *edit, pt__scan_fn *scan, void *settings);
/* The same for any stage. */
pt_status_t pt__stages_append(pt__stages_t *stages, const pt__stage_t *stage);

/* Appends what one part of a tokenizer.json asks for. */
typedef pt_status_t pt__stage_read_fn(const pt__json_t *json, pt__stages_t *stages);
typedef struct pt__stage_kind {
    const char *name; /* its "type" */
    const char *keys; /* that it may have besides, with blanks between them */
    pt__stage_read_fn *read;
} pt__stage_kind_t;

/* Reads the part by the kind that it names, or, where it is a "Sequence", those that its list `members` holds.
 * PT_ERR_UNSUPPORTED for one that is none of the kinds; `what` is "a normalizer". */
pt_status_t pt__stages_read(const pt__json_t *json, const pt__stage_kind_t *kinds, int64_t n_kinds, const char *what,
                            const char *members, pt__stages_t *stages);

/* Appends an edit that writes each byte as the character that stands for it in byte-level files, after which the words
 * are no longer bytes: for what stands behind a byte-level stage, and sees those characters. */
pt_status_t pt__write_byte_characters(pt__stages_t *stages);

/* Append what a "normalizer" or "pre_tokenizer" of a tokenizer.json asks for. PT_ERR_UNSUPPORTED for a kind that is not
 * known here, with its name. */
pt_status_t pt__normalizer_read(const pt__json_t *json, pt__stages_t *stages);
pt_status_t pt__pre_tokenizer_read(const pt__json_t *json, pt__stages_t *stages);

#endif
