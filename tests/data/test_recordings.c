/* Datasets of recordings: what stands at a path, what is passed over and how it is told, parts, transcripts and
 * lengths, and samples that are the same however many threads make them. Long because each way in which data sets of
 * speech are laid out has what it is read from and what is refused of it, all over the same few golden recordings. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audio/audio_golden.h"
#include "data/data.h"
#include "support/failing_allocator.h"

enum { BINS = 161, MOST = 64 * BINS };

static const char *folder(const char *name)
{
    const char *path = suite_path(name);
    ck_assert(mkdir(path, 0755) == 0 || access(path, F_OK) == 0);
    return path;
}

/* The golden recording of this name under another one. */
static void put(const golden_tensors_t *golden, const char *name, const char *path)
{
    const pt__entry_t *entry = golden_entry(golden, "file", name);
    suite_write(path, entry->data, (size_t)entry->bytes);
}

static void put_text(const char *path, const char *text)
{
    suite_write(path, text, strlen(text));
}

static int is_complete(void)
{
    return has_sndfile() && has_soxr() && has_kissfft();
}

static int64_t rows_of(pt_dataset_t *dataset, int64_t sample, float *rows)
{
    pt_array_t values = {.dtype = PT_FLOAT32, .data = rows, .capacity = MOST};
    ck_ok(pt_dataset_read(dataset, &sample, 1, "frames", &values, sizeof values));
    return values.elements / BINS;
}

static int32_t label_of(pt_dataset_t *dataset, int64_t sample)
{
    int32_t label;
    pt_array_t values = {.dtype = PT_INT32, .data = &label, .capacity = 1};
    ck_ok(pt_dataset_read(dataset, &sample, 1, "label", &values, sizeof values));
    return label;
}

/* Bytes are ids. */
static const char *transcript_of(pt_dataset_t *dataset, int64_t sample)
{
    static char text[64];
    int32_t ids[64];
    pt_array_t values = {.dtype = PT_INT32, .data = ids, .capacity = 63};
    ck_ok(pt_dataset_read(dataset, &sample, 1, "transcript", &values, sizeof values));
    for (int64_t i = 0; i < values.elements; i++)
        text[i] = (char)ids[i];
    text[values.elements] = 0;
    return text;
}

static void expect_skipped(pt_dataset_t *dataset, int64_t count, const char *const *words)
{
    ck_assert_msg(pt_dataset_skipped_count(dataset) == count, "%lld passed over, the first %s",
                  (long long)pt_dataset_skipped_count(dataset), pt_dataset_skipped(dataset, 0));
    for (int64_t i = 0; i < count; i++)
        ck_assert_msg(strstr(pt_dataset_skipped(dataset, i), words[i]) != NULL, "%s, expected %s in it",
                      pt_dataset_skipped(dataset, i), words[i]);
}

static pt_dataset_t *open_set(const golden_tensors_t *golden, const char *path, const pt_audio_options_t *options,
                              int64_t samples)
{
    pt_dataset_t *dataset;
    ck_ok(pt_dataset_create_from_audio(golden->context, path, options, &dataset));
    ck_assert_int_eq(pt_dataset_length(dataset), samples);
    return dataset;
}

/* ---- Folders ---- */

static const char *make_words(const golden_tensors_t *golden)
{
    folder("words");
    folder("words/no");
    folder("words/yes");
    put(golden, "pcm16.wav", "words/no/a.wav");
    put(golden, "pcm16.flac", "words/yes/b.flac");
    put(golden, "seven.wav", "words/yes/c.wav");
    put_text("words/yes/notes.txt", "x");
    put_text("words/yes/d.wav", "RIFF no recording");
    put_text("words/yes/e.wav", "");
    return suite_path("words");
}

START_TEST(test_a_folder_a_class)
{
    static const char *const skipped[] = {"words/yes/notes.txt: no recording, by its name",
                                          "words/yes/d.wav: no recording", "words/yes/e.wav: the file is empty"};
    static float rows[MOST];
    golden_tensors_t golden = golden_audio_open();
    pt_field_spec_t field;
    if (is_complete()) {
        pt_dataset_t *dataset = open_set(&golden, make_words(&golden), NULL, 3);
        ck_assert_int_eq(pt_dataset_field_count(dataset), 2);
        ck_ok(pt_dataset_field(dataset, 0, &field, sizeof field));
        ck_assert_str_eq(field.name, "frames");
        ck_assert(field.dtype == PT_FLOAT32 && field.rank == 2 && field.shape[0] == PT_DIM_TOKENS &&
                  field.shape[1] == BINS);
        ck_assert_int_eq(field.max_length, 5); /* 60 ms */
        ck_assert_int_eq(rows_of(dataset, 0, rows), 5);
        ck_assert(label_of(dataset, 0) == 0 && label_of(dataset, 1) == 1 && label_of(dataset, 2) == 1);
        ck_assert_str_eq(pt_dataset_class_name(dataset, "label", 1), "yes");
        ck_assert_int_eq(pt_dataset_class_count(dataset, "frames"), 0);
        ck_assert_str_eq(pt_dataset_sample_name(dataset, 1), "yes/b.flac");
        expect_skipped(dataset, 3, skipped);
        pt_dataset_free(dataset);
        static const char *const classes[] = {"yes", "maybe", "no"};
        pt_audio_options_t options = audio_options();
        options.classes = classes;
        options.n_classes = 3;
        dataset = open_set(&golden, suite_path("words"), &options, 3);
        ck_assert(label_of(dataset, 0) == 2 && label_of(dataset, 1) == 0);
        pt_dataset_free(dataset);
        dataset = open_set(&golden, suite_path("words/yes"), NULL, 2); /* without classes */
        ck_assert_int_eq(pt_dataset_field_count(dataset), 1);
        pt_dataset_free(dataset);
        dataset = open_set(&golden, suite_path("words/yes/c.wav"), NULL, 1);
        ck_assert_str_eq(pt_dataset_sample_name(dataset, 0), "c.wav");
        pt_dataset_free(dataset);
    }
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_nothing_to_read)
{
    golden_tensors_t golden = golden_audio_open();
    pt_audio_options_t options = audio_options();
    pt_dataset_t *dataset;
    make_words(&golden);
    if (is_complete()) {
        options.flags = PT_AUDIO_STRICT;
        ck_fails(pt_dataset_create_from_audio(golden.context, suite_path("words"), &options, &dataset), PT_ERR_FORMAT,
                 "notes.txt: no recording");
        ck_assert_ptr_null(dataset);
        folder("hollow");
        ck_fails(pt_dataset_create_from_audio(golden.context, suite_path("hollow"), NULL, &dataset), PT_ERR_FORMAT,
                 "there is no recording");
        put_text("hollow/a.wav", "x");
        ck_fails(pt_dataset_create_from_audio(golden.context, suite_path("hollow"), NULL, &dataset), PT_ERR_FORMAT,
                 "no recording; passed over");
        ck_fails(pt_dataset_create_from_audio(golden.context, suite_path("words/yes/notes.txt"), NULL, &dataset),
                 PT_ERR_UNSUPPORTED, "expected a directory of recordings");
        ck_fails(pt_dataset_create_from_audio(golden.context, suite_path("none"), NULL, &dataset), PT_ERR_NOT_FOUND,
                 "none");
        options.rate = 1;
        ck_fails(pt_dataset_create_from_audio(golden.context, suite_path("words"), &options, &dataset), PT_ERR_ARGUMENT,
                 "rate is 1");
    } else if (!has_kissfft()) {
        ck_fails(pt_dataset_create_from_audio(golden.context, suite_path("words"), NULL, &dataset), PT_ERR_UNSUPPORTED,
                 "this build has no KISS FFT");
    } else if (!has_sndfile()) {
        ck_fails(pt_dataset_create_from_audio(golden.context, suite_path("words"), NULL, &dataset), PT_ERR_FORMAT,
                 "no recording");
    }
    golden_tensors_close(&golden);
}
END_TEST

/* ---- Data sets of speech ---- */

START_TEST(test_librispeech)
{
    static const char *const skipped[] = {"libri/19/7/19-7-0002: ",
                                          "libri/19/7/19-7-0003.flac: the transcript is empty"};
    golden_tensors_t golden = golden_audio_open();
    pt_dataset_t *dataset;
    folder("libri");
    folder("libri/19");
    folder("libri/19/7");
    put(&golden, "pcm16.flac", "libri/19/7/19-7-0000.flac");
    put(&golden, "pcm16.wav", "libri/19/7/19-7-0001.wav");
    put(&golden, "pcm16.flac", "libri/19/7/19-7-0003.flac");
    put_text("libri/19/7/19-7.trans.txt", "19-7-0000 IN THE HALL\r\n19-7-0001 OF\n\n19-7-0002 THE MISSING\n19-7-0003");
    if (is_complete()) {
        dataset = open_set(&golden, suite_path("libri"), NULL, 2);
        ck_assert_int_eq(pt_dataset_field_count(dataset), 2);
        ck_assert_str_eq(transcript_of(dataset, 0), "IN THE HALL");
        ck_assert_str_eq(transcript_of(dataset, 1), "OF");
        ck_assert_str_eq(pt_dataset_sample_name(dataset, 1), "19/7/19-7-0001.wav");
        expect_skipped(dataset, 2, skipped);
        pt_dataset_free(dataset);
        put_text("libri/19/7/19-7.trans.txt", " TEXT WITHOUT A NAME");
        ck_fails(pt_dataset_create_from_audio(golden.context, suite_path("libri"), NULL, &dataset), PT_ERR_FORMAT,
                 "19-7.trans.txt: line 1: expected the name of a recording");
    }
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_ljspeech)
{
    static const char *const skipped[] = {"lj/LJ-3: "};
    golden_tensors_t golden = golden_audio_open();
    pt_dataset_t *dataset;
    folder("lj");
    folder("lj/wavs");
    put(&golden, "pcm16.wav", "lj/wavs/LJ-1.wav");
    put(&golden, "pcm16.flac", "lj/LJ-2.flac");
    put_text("lj/metadata.csv", "LJ-1|It is \"4\".|It is \"four\".\nLJ-2|Two, too|\nLJ-3|No|No\n");
    if (is_complete()) {
        dataset = open_set(&golden, suite_path("lj"), NULL, 2);
        ck_assert_str_eq(transcript_of(dataset, 0), "It is \"four\".");
        ck_assert_str_eq(transcript_of(dataset, 1), "Two, too");
        ck_assert_str_eq(pt_dataset_sample_name(dataset, 0), "wavs/LJ-1.wav");
        expect_skipped(dataset, 1, skipped);
        pt_dataset_free(dataset);
        dataset = open_set(&golden, suite_path("lj/metadata.csv"), NULL, 2);
        pt_dataset_free(dataset);
        put_text("lj/metadata.csv", "LJ-1|a|b|c");
        ck_fails(pt_dataset_create_from_audio(golden.context, suite_path("lj"), NULL, &dataset), PT_ERR_FORMAT,
                 "metadata.csv: line 1: expected name|text|normalised text, found 4 columns");
    }
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_common_voice)
{
    golden_tensors_t golden = golden_audio_open();
    pt_audio_options_t options = audio_options();
    pt_dataset_t *dataset;
    folder("voice");
    folder("voice/clips");
    put(&golden, "pcm16.wav", "voice/clips/a.wav");
    put(&golden, "vorbis.ogg", "voice/clips/b.ogg");
    put_text("voice/train.tsv", "client_id\tpath\tsentence\tage\n"
                                "anna\ta.wav\t\"Ja\", sagte sie.\t\nbert\tb.ogg\tNein\tteens\nbert\tnone.mp3\tx\t\n");
    if (is_complete()) {
        dataset = open_set(&golden, suite_path("voice"), NULL, 2);
        ck_assert_str_eq(transcript_of(dataset, 0), "\"Ja\", sagte sie.");
        ck_assert_str_eq(pt_dataset_sample_name(dataset, 1), "clips/b.ogg");
        ck_assert_int_eq(pt_dataset_skipped_count(dataset), 1);
        ck_assert(strstr(pt_dataset_skipped(dataset, 0), "none.mp3") != NULL);
        pt_dataset_free(dataset);
        options.label_key = "client_id"; /* who speaks */
        dataset = open_set(&golden, suite_path("voice/train.tsv"), &options, 2);
        ck_assert_int_eq(pt_dataset_field_count(dataset), 3);
        ck_assert(label_of(dataset, 0) == 0 && label_of(dataset, 1) == 1);
        ck_assert_str_eq(pt_dataset_class_name(dataset, "label", 1), "bert");
        pt_dataset_free(dataset);
        options.text_key = "words";
        ck_fails(pt_dataset_create_from_audio(golden.context, suite_path("voice/train.tsv"), &options, &dataset),
                 PT_ERR_NOT_FOUND, "no column is headed \"words\"");
    }
    golden_tensors_close(&golden);
}
END_TEST

/* ---- Manifests ---- */

START_TEST(test_manifests)
{
    static float rows[2][MOST];
    golden_tensors_t golden = golden_audio_open();
    pt_dataset_t *dataset;
    put(&golden, "pcm16.flac", "a.flac"); /* 60 ms */
    put(&golden, "pcm16.wav", "b.wav");
    put_text("list.jsonl",
             "{\"audio_filepath\": \"a.flac\", \"text\": \"one\", \"label\": 7}\n"
             "{\"audio_filepath\": \"a.flac\", \"offset\": 0.01, \"duration\": 0.03, \"text\": \"two\", "
             "\"label\": 3}\n{\"audio\": \"a.flac\", \"offset\": 1, \"text\": \"three\", \"label\": 3}\n");
    if (is_complete()) {
        dataset = open_set(&golden, suite_path("list.jsonl"), NULL, 2);
        ck_assert(label_of(dataset, 0) == 1 && label_of(dataset, 1) == 0);
        ck_assert_str_eq(transcript_of(dataset, 1), "two");
        ck_assert_int_eq(rows_of(dataset, 0, rows[0]), 5);
        ck_assert_int_eq(rows_of(dataset, 1, rows[1]), 2);
        ck_assert_mem_eq(rows[0] + BINS, rows[1], 2 * BINS * sizeof(float)); /* a step later */
        ck_assert(strstr(pt_dataset_skipped(dataset, 0), "a.flac: begins at second 1, but the recording has 0.06"));
        pt_dataset_free(dataset);
        put_text("list.csv", "label,path\n10,a.flac\n9,\"b.wav\"\n");
        dataset = open_set(&golden, suite_path("list.csv"), NULL, 2);
        ck_assert(label_of(dataset, 0) == 1 && label_of(dataset, 1) == 0); /* as numbers */
        pt_dataset_free(dataset);
    }
    static const char *const broken[][2] = {
        {"{\"audio\": \"a.flac\", \"text\": \"x\"}\n{\"audio\": \"a.flac\"}\n", "line 2: has no transcript"},
        {"{\"audio\": \"a.flac\", \"label\": 1}\n{\"audio\": \"a.flac\"}\n", "line 2: has no label"},
        {"{\"audio\": \"a.flac\", \"label\": 1}\n{\"audio\": \"a.flac\", \"label\": 1.5}\n", "line 2: label"},
        {"{\"text\": \"x\"}\n", "line 1: the object has no key \"audio_filepath\""},
        {"{\"audio\": 3}\n", "line 1: audio: expected a path"},
        {"{\"audio\": \"a.flac\", \"text\": 3}\n", "line 1: text: expected a string"},
        {"{\"audio\": \"a.flac\", \"offset\": -1}\n", "line 1: offset"}};
    for (size_t i = 0; is_complete() && i < sizeof broken / sizeof broken[0]; i++) {
        put_text("broken.jsonl", broken[i][0]);
        ck_fails(pt_dataset_create_from_audio(golden.context, suite_path("broken.jsonl"), NULL, &dataset),
                 PT_ERR_FORMAT, broken[i][1]);
    }
    put_text("broken.csv", "path,text\na.flac,x,y\n");
    if (is_complete())
        ck_fails(pt_dataset_create_from_audio(golden.context, suite_path("broken.csv"), NULL, &dataset), PT_ERR_FORMAT,
                 "broken.csv: line 2 has 3 columns, expected 2");
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_long_ones)
{
    golden_tensors_t golden = golden_audio_open();
    pt_audio_options_t options = audio_options();
    static float rows[MOST];
    put(&golden, "pcm16.flac", "long.flac");
    put_text("long.jsonl", "{\"audio\": \"long.flac\"}\n{\"audio\": \"long.flac\", \"duration\": 0.03}\n");
    options.longest_seconds = 0.04;
    if (is_complete()) {
        pt_dataset_t *dataset = open_set(&golden, suite_path("long.jsonl"), &options, 1);
        ck_assert(strstr(pt_dataset_skipped(dataset, 0), "0.060 seconds, of at most 0.04 (longest_seconds)") != NULL);
        pt_dataset_free(dataset);
        options.flags = PT_AUDIO_CUT;
        dataset = open_set(&golden, suite_path("long.jsonl"), &options, 2);
        ck_assert_int_eq(rows_of(dataset, 0, rows), 3);
        ck_assert_int_eq(pt_dataset_skipped_count(dataset), 0);
        pt_dataset_free(dataset);
        options = audio_options();
        options.window_seconds = 0.1;
        ck_fails(pt_dataset_create_from_audio(golden.context, suite_path("long.flac"), &options, &dataset),
                 PT_ERR_FORMAT, "long.flac: 960 samples at 16000 Hz are too few for a row of 1600");
    }
    golden_tensors_close(&golden);
}
END_TEST

#ifdef PT__UTF8PROC

/* Transcripts that cannot be encoded are passed over, each by its own reason. */
START_TEST(test_transcripts_by_a_tokenizer)
{
    static const char *const skipped[] = {"a.flac: the transcript is empty", "a.flac: transcript: "};
    golden_tensors_t golden = golden_audio_open();
    pt_audio_options_t options = audio_options();
    pt_tokenizer_t *tokenizer;
    int32_t ids[8];
    const int64_t last = 1;
    pt_array_t values = {.dtype = PT_INT32, .data = ids, .capacity = 8};
    put(&golden, "pcm16.flac", "a.flac");
    put_text("said.jsonl", "{\"audio\": \"a.flac\", \"text\": \"yes no\"}\n"
                           "{\"audio\": \"a.flac\", \"text\": \"\"}\n"
                           "{\"audio\": \"a.flac\", \"text\": \"perhaps\"}\n"
                           "{\"audio\": \"a.flac\", \"text\": \"no no yes\"}\n");
    put_text("said.json",
             "{\"version\": \"1.0\", \"pre_tokenizer\": {\"type\": \"WhitespaceSplit\"}, \"model\": {\"type\": "
             "\"WordLevel\", \"vocab\": {\"yes\": 0, \"no\": 1}, \"unk_token\": \"?\"}}");
    ck_ok(pt_tokenizer_open(golden.context, suite_path("said.json"), NULL, &tokenizer));
    options.tokenizer = tokenizer;
    if (is_complete()) {
        pt_dataset_t *dataset = open_set(&golden, suite_path("said.jsonl"), &options, 2);
        expect_skipped(dataset, 2, skipped);
        pt_tokenizer_free(tokenizer); /* not needed any more */
        tokenizer = NULL;
        ck_ok(pt_dataset_read(dataset, &last, 1, "transcript", &values, sizeof values));
        ck_assert(values.elements == 3 && ids[0] == 1 && ids[1] == 1 && ids[2] == 0);
        pt_dataset_free(dataset);
    }
    pt_tokenizer_free(tokenizer);
    golden_tensors_close(&golden);
}
END_TEST

#endif

/* What only decoding shows. */
START_TEST(test_the_next_good_one_stands_in)
{
    static float rows[2][MOST];
    golden_tensors_t golden = golden_audio_open();
    pt_audio_options_t options = audio_options();
    const pt__entry_t *flac = golden_entry(&golden, "file", "pcm16.flac");
    pt_dataset_t *dataset;
    suite_write("short.flac", flac->data, (size_t)flac->bytes * 2 / 3);
    put(&golden, "pcm16.wav", "good.wav");
    put_text("stand.jsonl", "{\"audio\": \"short.flac\", \"text\": \"broken\"}\n"
                            "{\"audio\": \"good.wav\", \"text\": \"good\"}\n");
    if (is_complete()) {
        dataset = open_set(&golden, suite_path("stand.jsonl"), NULL, 2);
        ck_assert_int_eq(pt_dataset_skipped_count(dataset), 0);
        ck_assert_int_eq(rows_of(dataset, 0, rows[0]), rows_of(dataset, 1, rows[1]));
        ck_assert_mem_eq(rows[0], rows[1], 5 * BINS * sizeof(float));
        ck_assert_str_eq(transcript_of(dataset, 0), "good");
        ck_assert_int_eq(pt_dataset_skipped_count(dataset), 1);
        ck_assert(strstr(pt_dataset_skipped(dataset, 0), "short.flac: ") != NULL);
        put_text("good.wav", "x");
        const int64_t first = 1;
        pt_array_t values = {.dtype = PT_FLOAT32, .data = rows[0], .capacity = MOST};
        ck_fails(pt_dataset_read(dataset, &first, 1, "frames", &values, sizeof values), PT_ERR_FORMAT,
                 "none of its 2 recordings can be read");
        pt_dataset_free(dataset);
        put(&golden, "pcm16.wav", "good.wav");
        options.flags = PT_AUDIO_STRICT;
        dataset = open_set(&golden, suite_path("stand.jsonl"), &options, 2);
        const int64_t zero = 0;
        ck_fails(pt_dataset_read(dataset, &zero, 1, "frames", &values, sizeof values), PT_ERR_FORMAT, "short.flac: ");
        pt_dataset_free(dataset);
    }
    golden_tensors_close(&golden);
}
END_TEST

/* ---- Lengths and threads ---- */

enum { EPOCHS = 2, SAMPLES = 8, ALL = EPOCHS * SAMPLES * 8 * BINS };

static const pt__request_t requests[1] = {{.name = "frames",
                                           .dtype = PT_FLOAT32,
                                           .rank = 2,
                                           .dimension = PT__DIMENSION_TOKENS,
                                           .shape = {PT_DIM_TOKENS, BINS}}};

/* All that a loader gives; the batches are as many as were counted, where they can be. */
static void load(pt_dataset_t *dataset, int32_t producers, int32_t is_counted, float *values)
{
    const pt__loader_options_t options = {.batch_rows = 12,
                                          .micro_rows = 12,
                                          .bucket = 5,
                                          .epochs = EPOCHS,
                                          .prefetch = producers > 0,
                                          .producers = producers};
    const pt__cursor_t start = {.seed = 5};
    pt__loader_t *loader;
    pt__loaded_t loaded;
    int64_t rows = 0, batches = 0, counted;
    memset(values, 0, ALL * sizeof *values);
    ck_ok(pt__loader_count_batches(dataset, requests, 1, &options, &start, &counted));
    ck_ok(pt__loader_create(dataset, requests, 1, &options, &start, &loader));
    pt_status_t status;
    while ((status = pt__loader_next(loader, &loaded)) == PT_OK) {
        const int64_t count = loaded.rows.count[PT__DIMENSION_TOKENS];
        ck_assert_int_le((rows + count) * BINS, ALL);
        memcpy(values + rows * BINS, loaded.data[0], (size_t)(count * BINS) * sizeof *values);
        rows += count;
        batches += loaded.last_of_batch;
    }
    ck_assert_int_eq(status, PT_END);
    ck_assert_int_eq(counted, is_counted ? batches : -1);
    pt__loader_free(loader);
}

START_TEST(test_any_number_of_threads)
{
    static float values[2][ALL];
    golden_tensors_t golden = golden_audio_open();
    char text[2048] = "";
    put(&golden, "pcm16.flac", "many.flac");
    for (int i = 0; i < SAMPLES; i++)
        snprintf(text + strlen(text), 128, "{\"audio\": \"many.flac\", \"offset\": 0.00%d, \"duration\": 0.0%d}\n", i,
                 2 + i % 3);
    put_text("many.jsonl", text);
    for (int32_t producers = 0; is_complete() && producers <= 4; producers += 2) {
        pt_dataset_t *dataset = open_set(&golden, suite_path("many.jsonl"), NULL, SAMPLES);
        load(dataset, producers, 1, values[producers > 0]);
        if (producers > 0)
            ck_assert_mem_eq(values[0], values[1], sizeof values[0]);
        pt_dataset_free(dataset);
    }
    golden_tensors_close(&golden);
}
END_TEST

/* What is drawn for a sample is its own: of seed, epoch and sample, with noise of a directory too. */
START_TEST(test_drawn_on_any_number_of_threads)
{
    static float values[2][ALL], rows[MOST];
    golden_tensors_t golden = golden_audio_open();
    pt_audio_options_t options = audio_options();
    char text[2048] = "";
    folder("noises");
    folder("drawn");
    put(&golden, "pcm24.wav", "noises/a.wav");
    put(&golden, "stereo.flac", "noises/b.flac");
    put_text("noises/c.wav", "RIFF broken");
    put(&golden, "pcm16.flac", "drawn.flac");
    for (int i = 0; i < SAMPLES; i++)
        snprintf(text + strlen(text), 128, "{\"audio\": \"drawn.flac\", \"duration\": 0.04}\n");
    put_text("drawn.jsonl", text);
    options.speed_least = 0.8;
    options.speed_most = 1.3;
    options.gain_least = -6;
    options.gain_most = 6;
    options.noise = 0.9;
    options.frequency_masks = options.time_masks = 1;
    options.frequency_mask = 20;
    options.time_mask = 2;
    for (int with = 0; is_complete() && with < 2; with++) {
        options.noise_path = with ? suite_path("noises") : NULL;
        for (int32_t producers = 0; producers <= 4; producers += 2) {
            pt_dataset_t *dataset = open_set(&golden, suite_path("drawn.jsonl"), &options, SAMPLES);
            pt_field_spec_t field;
            ck_ok(pt_dataset_field(dataset, 0, &field, sizeof field));
            ck_assert_int_eq(field.max_length, 4); /* 40 ms at 0.8 */
            load(dataset, producers, 0, values[producers > 0]);
            if (producers > 0)
                ck_assert_mem_eq(values[0], values[1], sizeof values[0]);
            ck_assert_int_le(rows_of(dataset, 0, rows), 4);
            pt_dataset_free(dataset);
        }
        ck_assert_mem_ne(values[0], values[0] + (size_t)4 * BINS, 4 * BINS * sizeof(float)); /* each its own */
    }
    pt_dataset_t *dataset;
    folder("silent");
    if (is_complete()) {
        put_text("silent/a.wav", "RIFF broken");
        options.noise_path = suite_path("silent");
        ck_fails(pt_dataset_create_from_audio(golden.context, suite_path("drawn.jsonl"), &options, &dataset),
                 PT_ERR_FORMAT, "noise: no recording; passed over: ");
    }
    golden_tensors_close(&golden);
}
END_TEST

static pt_status_t open_and_read(pt_context_t *context, const char *path, pt_dataset_t **dataset)
{
    static float rows[MOST];
    const int64_t sample = 0;
    pt_array_t values = {.dtype = PT_FLOAT32, .data = rows, .capacity = MOST};
    PT__TRY(pt_dataset_create_from_audio(context, path, NULL, dataset));
    return pt_dataset_read(*dataset, &sample, 1, "frames", &values, sizeof values);
}

START_TEST(test_failing_memory)
{
    static const char *const lists[] = {"fail/list.jsonl", "fail/list.csv", "fail/metadata.csv", "fail/19", "words"};
    golden_tensors_t golden = golden_audio_open();
    failing_allocator_t allocator;
    pt_status_t status = PT_OK;
    make_words(&golden);
    folder("fail");
    folder("fail/19");
    put(&golden, "pcm16.wav", "fail/a.wav");
    put(&golden, "pcm16.wav", "fail/19/a.wav");
    put_text("fail/list.jsonl", "{\"audio\": \"a.wav\", \"text\": \"x\", \"label\": \"b\"}\n");
    put_text("fail/list.csv", "path,text,label\na.wav,x,y\na.wav,,y\n");
    put_text("fail/metadata.csv", "a|x|y\n");
    put_text("fail/19/19.trans.txt", "a X\n");
    for (size_t i = 0; is_complete() && i < sizeof lists / sizeof lists[0]; i++) {
        FOR_EACH_FAILING_ALLOCATION(allocator, {
            pt_context_t *context = NULL;
            pt_dataset_t *dataset = NULL;
            status = samples_failing_context(&allocator, &context);
            if (status == PT_OK)
                status = open_and_read(context, suite_path(lists[i]), &dataset);
            pt_dataset_free(dataset);
            pt_context_free(context);
        }, status);
    }
    golden_tensors_close(&golden);
}
END_TEST

#ifdef PT__UTF8PROC
#define TOKENIZED test_transcripts_by_a_tokenizer,
#else
#define TOKENIZED /* this build has no tokenizers */
#endif

SUITE("recordings", 30, test_a_folder_a_class, test_nothing_to_read, test_librispeech, test_ljspeech, test_common_voice,
      test_manifests, test_long_ones, TOKENIZED test_the_next_good_one_stands_in, test_any_number_of_threads,
      test_drawn_on_any_number_of_threads, test_failing_memory)
