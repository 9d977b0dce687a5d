/* Recordings as readers of directories and manifests find them: names of files, parts of them, transcripts and classes;
 * and what was passed over. */
#ifndef PT__RECORDING_SET_H
#define PT__RECORDING_SET_H

#include "base/clip.h"
#include "data/data.h"
#include "data/file_set.h"

typedef struct pt__recording { /* of a sample */
    double offset, duration;   /* seconds; duration 0: all that follows */
    int64_t rows;              /* once it was looked at */
} pt__recording_t;

typedef struct pt__recording_set {
    pt__file_set_t files; /* names, classes and labels, and what was passed over */
    pt__recording_t *recordings;
    int64_t recordings_capacity;
    int32_t has_texts;
    char *texts; /* end to end, until they are encoded */
    int64_t texts_length, texts_capacity;
    int64_t *text_begins; /* [samples + 1] */
    int64_t text_begins_capacity;
    int64_t most_rows;  /* of a sample, at whatever speed is drawn */
    int32_t *ids;       /* of all texts, end to end */
    int64_t *id_begins; /* [samples + 1] */
} pt__recording_set_t;

/* How files are read that another layer knows; see lib/api/audio_api.c. */
typedef struct pt__recording_calls {
    /* lib/audio/: see recording.h, speech_features.h and sound.h there */
    pt_status_t (*check)(const pt_audio_options_t *options);
    pt_status_t (*begin)(pt__memory_t *memory, const pt_audio_options_t *options, void **maker, int32_t *bins);
    void (*end)(void *maker);
    pt_status_t (*measure)(const void *maker, const pt__clip_t *clip, double *seconds, int64_t *rows, int64_t *most);
    pt_status_t (*probe)(const void *maker, const pt__clip_t *clip);
    pt_status_t (*make)(const void *maker, const pt__clip_t *clip, const pt__clip_t *noise, uint64_t key, int64_t most,
                        float *to, int64_t *rows);
    pt__file_named_fn *named;
    /* lib/text/ */
    pt__encode_fn *encode;
} pt__recording_calls_t;

typedef struct pt__recording_line { /* what a list says of a sample */
    const char *name;               /* of its file, from the root */
    const char *text;               /* NULL: none */
    int64_t text_length;
    int32_t label; /* -1: none */
    double offset, duration;
} pt__recording_line_t;

pt_status_t pt__recording_set_init(pt__recording_set_t *set, pt__memory_t *memory, const char *root, int32_t is_strict);
void pt__recording_set_free(pt__recording_set_t *set);
/* All lines or none have a text, and a label: PT_ERR_FORMAT. */
pt_status_t pt__recording_set_add(pt__recording_set_t *set, const pt__recording_line_t *line);

/* Looks at every recording, and passes over what is broken, too short or too long. */
pt_status_t pt__recording_set_survey(pt__recording_set_t *set, const pt_audio_options_t *options,
                                     const pt__recording_calls_t *calls, const void *maker);
/* Looks at recordings of noise, all of each, and passes over what is broken: a failure is where none is left. */
pt_status_t pt__recording_set_probe(pt__recording_set_t *set, const pt__recording_calls_t *calls, const void *maker);
/* Makes ids of the texts, and passes over those that cannot be. */
pt_status_t pt__recording_set_encode(pt__recording_set_t *set, pt_tokenizer_t *tokenizer, pt__encode_fn *encode);

/* recording_layouts.c: what stands at a path, told by content. */
pt_status_t pt__recordings_read(pt__recording_set_t *set, const pt__recording_calls_t *calls,
                                const pt_audio_options_t *options, const char *path);
/* recording_manifest.c: lists in JSON lines, or in CSV or TSV; LJSpeech's metadata. */
pt_status_t pt__recording_manifest_read(pt__recording_set_t *set, const pt_audio_options_t *options, const char *path);
pt_status_t pt__recording_table_read(pt__recording_set_t *set, const pt_audio_options_t *options, const char *path,
                                     char separator);
pt_status_t pt__recording_metadata_read(pt__recording_set_t *set, const char *path);
/* Lists in files: the name of a recording beside `directory` (from the root) of a known ending; 0: there is none. */
int32_t pt__recording_find(const pt__recording_set_t *set, const char *directory, const char *name, char *path);

#endif
