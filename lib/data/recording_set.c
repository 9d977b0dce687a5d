/* The list that readers of recordings fill; see recording_set.h. */
#include "data/recording_set.h"

#include <string.h>

#include "base/file.h"

pt_status_t pt__recording_set_init(pt__recording_set_t *set, pt__memory_t *memory, const char *root, int32_t is_strict)
{
    *set = (pt__recording_set_t){0};
    PT__TRY(pt__file_set_init(&set->files, memory, root, is_strict));
    set->files.noun = "recording";
    set->files.options = "pt_audio_options_t";
    return PT_OK;
}

void pt__recording_set_free(pt__recording_set_t *set)
{
    pt__memory_t *memory = set->files.memory;
    if (set->files.root == NULL) /* it never began */
        return;
    pt__release(memory, set->recordings);
    pt__release(memory, set->texts);
    pt__release(memory, set->text_begins);
    pt__release(memory, set->ids);
    pt__release(memory, set->id_begins);
    pt__file_set_free(&set->files);
}

static pt_status_t add_text(pt__recording_set_t *set, int64_t sample, const pt__recording_line_t *line)
{
    pt__memory_t *memory = set->files.memory;
    PT__TRY(pt__grow(memory, &set->text_begins, &set->text_begins_capacity, sample + 2, sizeof *set->text_begins,
                     "transcripts"));
    PT__TRY(pt__grow(memory, &set->texts, &set->texts_capacity, set->texts_length + line->text_length + 1, 1,
                     "transcripts"));
    memcpy(set->texts + set->texts_length, line->text, (size_t)line->text_length);
    set->texts_length += line->text_length;
    set->text_begins[sample + 1] = set->texts_length;
    set->has_texts = 1;
    return PT_OK;
}

static pt_status_t grow_recordings(pt__recording_set_t *set, int64_t samples)
{
    return pt__grow(set->files.memory, &set->recordings, &set->recordings_capacity, samples, sizeof *set->recordings,
                    "recordings");
}

pt_status_t pt__recording_set_add(pt__recording_set_t *set, const pt__recording_line_t *line)
{
    const int64_t sample = set->files.samples;
    const int32_t has_text = line->text != NULL;
    if (sample > 0 && (line->label >= 0) != (set->files.labels != NULL))
        return pt__fail(PT_ERR_FORMAT, "%s, unlike the lines before it",
                        line->label >= 0 ? "has a label" : "has no label");
    if (sample > 0 && has_text != set->has_texts)
        return pt__fail(PT_ERR_FORMAT, "%s, unlike the lines before it",
                        has_text ? "has a transcript" : "has no transcript");
    PT__TRY(grow_recordings(set, sample + 1));
    set->recordings[sample] = (pt__recording_t){line->offset, line->duration, 0};
    if (has_text)
        PT__TRY(add_text(set, sample, line));
    return pt__file_set_add_file(&set->files, line->name, line->label);
}

/* ---- What stays ---- */

/* Puts sample `from` in the place of `to`, not behind it. */
static void move(pt__recording_set_t *set, int64_t from, int64_t to)
{
    set->files.begins[to] = set->files.begins[from];
    set->recordings[to] = set->recordings[from];
    if (set->files.labels != NULL)
        set->files.labels[to] = set->files.labels[from];
    if (!set->has_texts)
        return;
    const int64_t begin = set->text_begins[from], length = set->text_begins[from + 1] - begin;
    memmove(set->texts + set->text_begins[to], set->texts + begin, (size_t)length);
    set->text_begins[to + 1] = set->text_begins[to] + length;
}

typedef pt_status_t judge_fn(pt__recording_set_t *set, void *user, int64_t sample, const char *path);

/* Keeps the samples that the judge has nothing against; the others are passed over by its reason. */
static pt_status_t keep(pt__recording_set_t *set, judge_fn *judge, void *user)
{
    char *path;
    int64_t kept = 0;
    pt_status_t status = PT_OK;
    PT__TRY(pt__allocate_uninitialised(set->files.memory, PT__PATH_SIZE, 1, "path", &path));
    for (int64_t i = 0; i < set->files.samples && status == PT_OK; i++) {
        pt_status_t verdict = pt__file_set_path(&set->files, i, path);
        if (verdict == PT_OK)
            verdict = judge(set, user, i, path);
        if (verdict == PT_OK)
            move(set, i, kept++);
        else
            status = pt__file_set_skip(&set->files, -1, path, verdict);
    }
    if (status == PT_OK)
        pt__error_clear();
    pt__release(set->files.memory, path);
    set->files.samples = kept;
    return status;
}

typedef struct survey {
    const pt_audio_options_t *options;
    const pt__recording_calls_t *calls;
    const void *maker;
} survey_t;

static pt_status_t look_at(pt__recording_set_t *set, void *user, int64_t sample, const char *path)
{
    const survey_t *survey = user;
    pt__recording_t *recording = &set->recordings[sample];
    const double longest = survey->options->longest_seconds;
    pt__clip_t clip = {path, recording->offset, recording->duration};
    double seconds;
    int64_t most;
    PT__TRY(survey->calls->measure(survey->maker, &clip, &seconds, &recording->rows, &most));
    if (longest == 0 || seconds <= longest) {
        set->most_rows = most > set->most_rows ? most : set->most_rows;
        return PT_OK;
    }
    if (set->has_texts || !(survey->options->flags & PT_AUDIO_CUT))
        return pt__fail(PT_ERR_FORMAT, "%.3f seconds, of at most %g (longest_seconds)", seconds, longest);
    clip.duration = recording->duration = longest;
    PT__TRY(survey->calls->measure(survey->maker, &clip, &seconds, &recording->rows, &most));
    set->most_rows = most > set->most_rows ? most : set->most_rows;
    return PT_OK;
}

pt_status_t pt__recording_set_survey(pt__recording_set_t *set, const pt_audio_options_t *options,
                                     const pt__recording_calls_t *calls, const void *maker)
{
    survey_t survey = {options, calls, maker};
    PT__TRY(grow_recordings(set, set->files.samples + 1)); /* of directories nothing but names is known yet */
    return keep(set, look_at, &survey);
}

static pt_status_t probe(pt__recording_set_t *set, void *user, int64_t sample, const char *path)
{
    const survey_t *survey = user;
    const pt__clip_t clip = {path, set->recordings[sample].offset, set->recordings[sample].duration};
    return survey->calls->probe(survey->maker, &clip);
}

pt_status_t pt__recording_set_probe(pt__recording_set_t *set, const pt__recording_calls_t *calls, const void *maker)
{
    survey_t survey = {NULL, calls, maker};
    PT__TRY(grow_recordings(set, set->files.samples + 1));
    PT__TRY(keep(set, probe, &survey));
    if (set->files.samples > 0)
        return PT_OK;
    return set->files.n_skipped > 0
               ? pt__fail(PT_ERR_FORMAT, "noise: no recording; passed over: %s", set->files.skipped[0].text)
               : pt__fail(PT_ERR_FORMAT, "noise: %s: there is no recording", set->files.root);
}

/* ---- Transcripts ---- */

typedef struct encoding {
    pt_tokenizer_t *tokenizer;
    pt__encode_fn *encode;
} encoding_t;

static pt_status_t encode_rows(const pt__recording_set_t *set, encoding_t *encoding, const int64_t *begins,
                               int64_t rows, pt__token_rows_t *tokens)
{
    const pt__text_rows_t texts = {.texts = set->texts, .begins = begins, .rows = rows, .max_length = INT32_MAX};
    return encoding->encode(encoding->tokenizer, &texts, tokens);
}

static pt_status_t has_text(pt__recording_set_t *set, void *user, int64_t sample, const char *path)
{
    (void)user;
    (void)path;
    return set->text_begins[sample + 1] > set->text_begins[sample] ? PT_OK
                                                                   : pt__fail(PT_ERR_FORMAT, "the transcript is empty");
}

static pt_status_t try_text(pt__recording_set_t *set, void *user, int64_t sample, const char *path)
{
    int64_t begins[2] = {0};
    pt__token_rows_t tokens = {.begins = begins};
    (void)path;
    pt_status_t status = encode_rows(set, user, set->text_begins + sample, 1, &tokens);
    if (status != PT_OK)
        return pt__fail_within(status, "transcript");
    pt__release(set->files.memory, tokens.ids);
    return PT_OK;
}

static pt_status_t encode_all(pt__recording_set_t *set, encoding_t *encoding)
{
    pt__token_rows_t tokens = {.begins = set->id_begins};
    pt_status_t status = encode_rows(set, encoding, set->text_begins, set->files.samples, &tokens);
    if (status != PT_OK && status != PT_ERR_MEMORY) { /* which of them it is takes longer */
        PT__TRY(keep(set, try_text, encoding));
        status = set->files.samples == 0 ? PT_OK
                                         : encode_rows(set, encoding, set->text_begins, set->files.samples, &tokens);
    }
    if (status == PT_OK)
        set->ids = tokens.ids;
    return status;
}

/* Bytes are the ids. */
static pt_status_t take_bytes(pt__recording_set_t *set)
{
    PT__TRY(pt__allocate_uninitialised(set->files.memory, (size_t)set->texts_length, sizeof *set->ids, "transcripts",
                                       &set->ids));
    for (int64_t i = 0; i < set->text_begins[set->files.samples]; i++)
        set->ids[i] = (uint8_t)set->texts[i];
    memcpy(set->id_begins, set->text_begins, (size_t)(set->files.samples + 1) * sizeof *set->id_begins);
    return PT_OK;
}

pt_status_t pt__recording_set_encode(pt__recording_set_t *set, pt_tokenizer_t *tokenizer, pt__encode_fn *encode)
{
    encoding_t encoding = {tokenizer, encode};
    if (!set->has_texts)
        return PT_OK;
    PT__TRY(pt__allocate(set->files.memory, (size_t)set->files.samples + 1, sizeof *set->id_begins, "transcripts",
                         &set->id_begins));
    PT__TRY(keep(set, has_text, NULL));
    if (set->files.samples == 0)
        return PT_OK;
    PT__TRY(tokenizer != NULL ? encode_all(set, &encoding) : take_bytes(set));
    pt__release(set->files.memory, set->texts);
    set->texts = NULL;
    return PT_OK;
}
