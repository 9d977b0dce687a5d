/* Datasets of pictures: what stands at a path, what is passed over and how it is told, and samples that are the same
 * however many threads make them. Long because each kind of file has what it is read from and what is refused of it,
 * all over the same few golden pictures. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/data.h"
#include "image/pictures_golden.h"
#include "support/failing_io.h"

enum { SIDE = 6, BYTES = SIDE * SIDE * 3 };

static const char *folder(const char *name)
{
    const char *path = suite_path(name);
    ck_assert(mkdir(path, 0755) == 0 || access(path, F_OK) == 0);
    return path;
}

/* The golden file of this name under another one. */
static void put(const golden_tensors_t *golden, const char *kind, const char *name, const char *path)
{
    const pt__entry_t *entry = golden_entry(golden, kind, name);
    suite_write(path, entry->data, (size_t)entry->bytes);
}

static pt_image_options_t sized(int32_t side)
{
    pt_image_options_t options;
    ck_ok(pt_image_options_init(&options, sizeof options));
    options.height = options.width = side;
    return options;
}

static pt_image_options_t drawn(void)
{
    pt_image_options_t options = sized(SIDE);
    options.crop = PT_IMAGE_CROP_RANDOM_RESIZED;
    options.flip_horizontally = options.flip_vertically = options.grayscale = options.blur = 0.5;
    options.brightness = options.contrast = options.saturation = 0.4;
    options.hue = 0.2;
    options.randaugment = 2;
    options.randaugment_strength = 20;
    return options;
}

/* zoo/ape: a, b; zoo/bee/deep: c; zoo/cat: nothing; and what is no picture. */
static const char *make_zoo(const golden_tensors_t *golden)
{
    folder("zoo");
    folder("zoo/ape");
    folder("zoo/bee");
    folder("zoo/bee/deep");
    folder("zoo/cat");
    put(golden, "file", "rgb.png", "zoo/ape/a.png");
    put(golden, "file", "gray.png", "zoo/ape/b.PNG");
    put(golden, "file", "palette.png", "zoo/bee/deep/c.png");
    suite_write("zoo/bee/notes.txt", "x", 1);
    suite_write("zoo/.hidden.png", "x", 1);
    suite_write("zoo/loose.png", "x", 1);
    return suite_path("zoo");
}

static int32_t label_of(pt_dataset_t *dataset, int64_t index)
{
    int64_t elements;
    int32_t label;
    ck_ok(read_field(dataset, &index, 1, "label", &label, 1, &elements, NULL));
    return label;
}

static pt_status_t read_pixels(pt_dataset_t *dataset, int64_t index, uint8_t *pixels, int64_t room)
{
    pt_array_t values = {.dtype = PT_UINT8, .data = pixels, .capacity = room};
    return pt_dataset_read(dataset, &index, 1, "pixel_values", &values, sizeof values);
}

static int needs_png(void)
{
#ifdef PT__PNG
    return 1;
#else
    return 0; /* skipped: this build has no libpng */
#endif
}

START_TEST(test_a_folder_a_class)
{
    golden_tensors_t golden = golden_pictures_open();
    const pt_image_options_t options = sized(SIDE);
    static const char *const skipped[] = {"zoo/bee/notes.txt: no picture, by its name",
                                          "zoo/cat: a class without a picture",
                                          "zoo/loose.png: outside of the classes' directories"};
    uint8_t pixels[BYTES];
    pt_dataset_t *dataset, *view;
    pt_field_spec_t field;
    if (needs_png()) {
        ck_ok(pt_dataset_create_from_images(golden.context, make_zoo(&golden), &options, &dataset));
        ck_assert_int_eq(pt_dataset_length(dataset), 3);
        ck_assert_int_eq(pt_dataset_field_count(dataset), 2);
        ck_ok(pt_dataset_field(dataset, 0, &field, sizeof field));
        ck_assert_str_eq(field.name, "pixel_values");
        ck_assert(field.dtype == PT_UINT8 && field.rank == 3 && field.shape[0] == SIDE && field.shape[2] == 3);
        ck_assert_int_eq(pt_dataset_class_count(dataset, "label"), 3);
        ck_assert_int_eq(pt_dataset_class_count(dataset, "pixel_values"), 0);
        ck_assert_str_eq(pt_dataset_class_name(dataset, "label", 0), "ape");
        ck_assert_str_eq(pt_dataset_class_name(dataset, "label", 2), "cat");
        ck_assert_ptr_null(pt_dataset_class_name(dataset, "label", 3));
        ck_assert(label_of(dataset, 0) == 0 && label_of(dataset, 1) == 0 && label_of(dataset, 2) == 1);
        ck_assert_int_eq(pt_dataset_skipped_count(dataset), 3);
        ck_ok(pt_dataset_subset(dataset, 1, 1, &view));
        for (int i = 0; i < 3; i++) {
            ck_assert_msg(strstr(pt_dataset_skipped(dataset, i), skipped[i]) != NULL, "%s",
                          pt_dataset_skipped(dataset, i));
            ck_assert_str_eq(pt_dataset_skipped(view, i), pt_dataset_skipped(dataset, i));
        }
        ck_assert_ptr_null(pt_dataset_skipped(dataset, 3));
        ck_assert_ptr_null(pt_dataset_skipped(dataset, -1));
        ck_ok(read_pixels(view, 0, pixels, BYTES));
        ck_assert(pixels[0] == pixels[1] && pixels[1] == pixels[2]); /* gray */
        pt_dataset_free(view);
        pt_dataset_free(dataset);
        ck_assert_int_eq(pt_dataset_skipped_count(NULL), 0);
        ck_assert_ptr_null(pt_dataset_skipped(NULL, 0));
    }
    golden_tensors_close(&golden);
}
END_TEST

/* Classes that are numbered as a model has them, in views too; and the names of samples' files. */
START_TEST(test_numbers_and_names)
{
    static const char *const model[] = {"cat", "eel", "bee", "ape"}, *const other[] = {"ape", "cat"},
                             *const none[] = {NULL};
    golden_tensors_t golden = golden_pictures_open();
    pt_image_options_t options = sized(SIDE);
    pt_dataset_t *dataset, *view, *split[2];
    uint8_t pixels[BYTES];
    if (needs_png()) {
        const char *path = make_zoo(&golden);
        options.classes = model;
        options.n_classes = 4;
        ck_ok(pt_dataset_create_from_images(golden.context, path, &options, &dataset));
        ck_assert_int_eq(pt_dataset_class_count(dataset, "label"), 4);
        ck_assert_str_eq(pt_dataset_class_name(dataset, "label", 1), "eel");
        ck_assert(label_of(dataset, 0) == 3 && label_of(dataset, 1) == 3 && label_of(dataset, 2) == 2);
        ck_assert_str_eq(pt_dataset_sample_name(dataset, 0), "ape/a.png");
        ck_assert_ptr_null(pt_dataset_sample_name(dataset, 3));
        ck_assert_ptr_null(pt_dataset_sample_name(dataset, -1));
        ck_assert_ptr_null(pt_dataset_sample_name(NULL, 0));
        ck_ok(pt_dataset_select(dataset, (const int64_t[]){2, 0}, 2, &view));
        ck_assert_str_eq(pt_dataset_sample_name(view, 0), "bee/deep/c.png");
        ck_ok(pt_dataset_split(view, 0.5, 1, &split[0], &split[1]));
        ck_assert_str_ne(pt_dataset_sample_name(split[0], 0), pt_dataset_sample_name(split[1], 0));
        pt_dataset_free(split[0]);
        pt_dataset_free(split[1]);
        pt_dataset_free(view);
        pt_dataset_free(dataset);
        options.classes = other;
        options.n_classes = 2;
        ck_fails(pt_dataset_create_from_images(golden.context, path, &options, &dataset), PT_ERR_STATE,
                 "its class \"bee\" is none of the 2 that are known, the first being \"ape\"");
        options.n_classes = 0;
        ck_fails(pt_dataset_create_from_images(golden.context, path, &options, &dataset), PT_ERR_ARGUMENT,
                 "n_classes is 0");
        options.classes = none;
        options.n_classes = 1;
        ck_fails(pt_dataset_create_from_images(golden.context, path, &options, &dataset), PT_ERR_ARGUMENT,
                 "classes[0] is NULL");
        options.classes = model; /* one picture has no class to number */
        ck_ok(pt_dataset_create_from_images(golden.context, suite_path("zoo/ape/a.png"), &options, &dataset));
        ck_assert_int_eq(pt_dataset_length(dataset), 1);
        ck_assert_int_eq(pt_dataset_field_count(dataset), 1);
        ck_assert_str_eq(pt_dataset_sample_name(dataset, 0), "a.png");
        ck_ok(read_pixels(dataset, 0, pixels, BYTES));
        pt_dataset_free(dataset);
    }
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_strict_and_nothing_to_read)
{
    golden_tensors_t golden = golden_pictures_open();
    pt_image_options_t options = sized(SIDE);
    pt_dataset_t *dataset;
    options.flags = PT_IMAGE_STRICT;
    const char *zoo = make_zoo(&golden);
    ck_fails(pt_dataset_create_from_images(golden.context, zoo, &options, &dataset), PT_ERR_FORMAT, "zoo/");
    options.flags = 0;
    ck_fails(pt_dataset_create_from_images(golden.context, folder("empty"), &options, &dataset), PT_ERR_FORMAT,
             "empty: no picture");
    suite_write("empty/a.gif", "GIF89a", 6);
    ck_fails(pt_dataset_create_from_images(golden.context, folder("empty"), &options, &dataset), PT_ERR_FORMAT,
             "empty/a.gif: no picture, by its name");
    ck_fails(pt_dataset_create_from_images(golden.context, suite_path("nowhere"), &options, &dataset), PT_ERR_NOT_FOUND,
             "nowhere");
    ck_fails(pt_dataset_create_from_images(golden.context, suite_write("a.txt", "hello", 5), &options, &dataset),
             PT_ERR_UNSUPPORTED, "a.txt: expected a directory of pictures");
    ck_fails(pt_dataset_create_from_images(golden.context, NULL, &options, &dataset), PT_ERR_ARGUMENT, "path");
    golden_tensors_close(&golden);
}
END_TEST

/* A directory that cannot be read, links to nothing and in a circle. */
START_TEST(test_directories_that_fail)
{
    golden_tensors_t golden = golden_pictures_open();
    const pt_image_options_t options = sized(SIDE);
    pt_dataset_t *dataset;
    folder("odd");
    folder("odd/one");
    folder("odd/two");
    put(&golden, "file", "rgb.png", "odd/one/a.png");
    put(&golden, "file", "rgb.png", "odd/two/a.png");
    if (needs_png()) {
        ck_assert(symlink("nothing", suite_path("odd/one/gone")) == 0);
        ck_assert(symlink("..", suite_path("odd/one/round")) == 0);
        ck_ok(pt_dataset_create_from_images(golden.context, suite_path("odd"), &options, &dataset));
        int found = 0;
        for (int64_t i = 0; i < pt_dataset_skipped_count(dataset); i++)
            found |= (strstr(pt_dataset_skipped(dataset, i), "odd/one/gone: ") != NULL) |
                     2 * (strstr(pt_dataset_skipped(dataset, i), "too deep in each other") != NULL);
        ck_assert_int_eq(found, 3);
        pt_dataset_free(dataset);
        ck_assert(unlink(suite_path("odd/one/gone")) == 0 && unlink(suite_path("odd/one/round")) == 0);
        failing_io_arm(FAILING_OPENDIR, 4, EACCES); /* the path twice, one, two */
        ck_ok(pt_dataset_create_from_images(golden.context, suite_path("odd"), &options, &dataset));
        failing_io_disarm();
        ck_assert_int_eq(pt_dataset_length(dataset), 1);
        ck_assert_int_eq(pt_dataset_class_count(dataset, "label"), 2);
        ck_assert(strstr(pt_dataset_skipped(dataset, 0), "odd/two: cannot") != NULL);
        ck_assert(strstr(pt_dataset_skipped(dataset, 1), "odd/two: a class without a picture") != NULL);
        pt_dataset_free(dataset);
    }
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_a_folder_without_classes)
{
    golden_tensors_t golden = golden_pictures_open();
    pt_image_options_t options = sized(0);
    pt_dataset_t *dataset;
    pt_field_spec_t field;
    folder("plain");
    put(&golden, "file", "rgb.png", "plain/b.png");
    put(&golden, "file", "gray.png", "plain/a.png");
    options.channels = 1;
    if (needs_png()) {
        ck_ok(pt_dataset_create_from_images(golden.context, suite_path("plain"), &options, &dataset));
        ck_assert_int_eq(pt_dataset_length(dataset), 2);
        ck_assert_int_eq(pt_dataset_field_count(dataset), 1);
        ck_assert_int_eq(pt_dataset_class_count(dataset, "label"), 0);
        ck_ok(pt_dataset_field(dataset, 0, &field, sizeof field));
        ck_assert(field.shape[0] == 224 && field.shape[1] == 224 && field.shape[2] == 1);
        pt_dataset_free(dataset);
    }
    golden_tensors_close(&golden);
}
END_TEST

/* The same pictures, whatever way the path is written. */
START_TEST(test_a_slash_at_the_end)
{
    golden_tensors_t golden = golden_pictures_open();
    const pt_image_options_t options = sized(SIDE);
    char path[256];
    uint8_t pixels[BYTES];
    pt_dataset_t *dataset;
    snprintf(path, sizeof path, "%s/", make_zoo(&golden));
    if (needs_png()) {
        ck_ok(pt_dataset_create_from_images(golden.context, path, &options, &dataset));
        ck_assert_int_eq(pt_dataset_length(dataset), 3);
        for (int64_t i = 0; i < 3; i++)
            ck_ok(read_pixels(dataset, i, pixels, BYTES));
        ck_assert_int_eq(pt_dataset_skipped_count(dataset), 3);
        pt_dataset_free(dataset);
    }
    golden_tensors_close(&golden);
}
END_TEST

static pt_status_t open_list(pt_context_t *context, const char *text, pt_dataset_t **out)
{
    const pt_image_options_t options = sized(SIDE);
    return pt_dataset_create_from_images(context, suite_write("list.jsonl", text, strlen(text)), &options, out);
}

START_TEST(test_lists)
{
    golden_tensors_t golden = golden_pictures_open();
    pt_context_t *context = golden.context;
    char text[1024];
    uint8_t pixels[BYTES];
    pt_dataset_t *dataset;
    make_zoo(&golden);
    if (needs_png()) {
        snprintf(text, sizeof text,
                 "\xEF\xBB\xBF\n{\"image\": \"zoo/bee/deep/c.png\", \"label\": \"bee\"}\r\n"
                 "{\"file_name\": \"%s\", \"label\": \"ape\", \"more\": 1}\n"
                 "{\"image\": \"zoo/nothing.png\", \"label\": \"cat\"}",
                 suite_path("zoo/ape/a.png"));
        ck_ok(open_list(context, text, &dataset));
        ck_assert(label_of(dataset, 0) == 1 && label_of(dataset, 1) == 0);
        ck_assert_int_eq(pt_dataset_class_count(dataset, "label"), 3);
        ck_assert_str_eq(pt_dataset_class_name(dataset, "label", 2), "cat");
        ck_ok(read_pixels(dataset, 2, pixels, BYTES));
        ck_assert(strstr(pt_dataset_skipped(dataset, 0), "zoo/nothing.png: ") != NULL);
        pt_dataset_free(dataset);
        ck_ok(open_list(context, "{\"image\": \"zoo/ape/a.png\"}\n{\"image\": \"zoo/ape/b.PNG\"}\n", &dataset));
        ck_assert_int_eq(pt_dataset_field_count(dataset), 1);
        ck_ok(read_pixels(dataset, 1, pixels, BYTES));
        pt_dataset_free(dataset);
        ck_ok(open_list(context, "{\"image\": \"a\", \"label\": 10}\n{\"image\": \"b\", \"label\": 9}", &dataset));
        ck_assert_str_eq(pt_dataset_class_name(dataset, "label", 0), "9");
        pt_dataset_free(dataset);
    }
    static const char *const wrong[][2] = {
        {"{\"image\": \"a\", \"label\": 1}\n{\"image\": \"b\"}", "line 2: has no label, unlike the lines before it"},
        {"{\"image\": \"a\"}\n{\"image\": \"b\", \"label\": 1}", "line 2: has a label, unlike the lines before it"},
        {"{\"image\": \"a\", \"label\": 1.5}", "line 1: label: expected a string or a whole number"},
        {"{\"image\": \"a\", \"label\": 1}\n{\"image\": \"a\", \"label\": \"x\"}", "line 2: expected a whole number"},
        {"{\"image\": 1}", "line 1: image: expected a string"},
        {"{\"image\": \"\"}", "line 1: the object has no key \"image\""},
        {"{\"picture\": \"a\"}", "list.jsonl: line 1: the object has no key \"image\" or \"file_name\" with a path"},
        {"{\"image\": \"a\"}\n[]", "line 2: expected an object"},
        {"{\"image\"", "line 1: "}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_fails(open_list(context, wrong[i][0], &dataset), PT_ERR_FORMAT, wrong[i][1]);
    golden_tensors_close(&golden);
}
END_TEST

/* ---- Broken pictures ---- */

START_TEST(test_the_next_good_one_stands_in)
{
    golden_tensors_t golden = golden_pictures_open();
    pt_image_options_t options = sized(SIDE);
    uint8_t first[BYTES], second[BYTES];
    pt_dataset_t *dataset;
    folder("broken");
    folder("broken/x");
    folder("broken/y");
    suite_write("broken/x/a.png", "no picture", 10);
    put(&golden, "file", "rgb.png", "broken/x/b.png");
    suite_write("broken/y/c.png", "\x89PNG\r\n\x1a\n", 8);
    suite_write("broken/y/d.png", "", 0);
    ck_assert(access(suite_path("pipe.png"), F_OK) == 0 || mkfifo(suite_path("pipe.png"), 0600) == 0);
    ck_assert(access(suite_path("broken/y/e.png"), F_OK) == 0 ||
              symlink(suite_path("pipe.png"), suite_path("broken/y/e.png")) == 0);
    ck_fails(pt_dataset_create_from_images(golden.context, suite_path("pipe.png"), &options, &dataset), PT_ERR_FORMAT,
             "pipe.png: no directory and no regular file");
    if (needs_png()) {
        ck_ok(pt_dataset_create_from_images(golden.context, suite_path("broken"), &options, &dataset));
        ck_assert_int_eq(pt_dataset_skipped_count(dataset), 0);
        ck_ok(read_pixels(dataset, 2, first, BYTES)); /* round to b */
        ck_ok(read_pixels(dataset, 1, second, BYTES));
        ck_assert_mem_eq(first, second, BYTES);
        ck_assert_int_eq(label_of(dataset, 2), 0);
        ck_assert_int_eq(pt_dataset_skipped_count(dataset), 4); /* c, d, e, a, in the order of samples */
        ck_assert(strstr(pt_dataset_skipped(dataset, 3), "broken/y/e.png: no regular file") != NULL);
        ck_assert(strstr(pt_dataset_skipped(dataset, 0), "broken/x/a.png: no JPEG, PNG or WebP picture") != NULL);
        ck_assert(strstr(pt_dataset_skipped(dataset, 1), "broken/y/c.png: PNG: the file ends after 8 bytes") != NULL);
        ck_assert(strstr(pt_dataset_skipped(dataset, 2), "broken/y/d.png: the file is empty") != NULL);
        suite_write("broken/x/b.png", "x", 1);
        ck_fails(read_pixels(dataset, 1, first, BYTES), PT_ERR_FORMAT, "none of its 5 pictures can be read");
        ck_fails(read_pixels(dataset, 3, first, BYTES), PT_ERR_FORMAT, "the first being");
        pt_dataset_free(dataset);
        options.flags = PT_IMAGE_STRICT;
        put(&golden, "file", "rgb.png", "broken/x/b.png");
        ck_ok(pt_dataset_create_from_images(golden.context, suite_path("broken"), &options, &dataset));
        ck_ok(read_pixels(dataset, 1, first, BYTES));
        ck_fails(read_pixels(dataset, 2, first, BYTES), PT_ERR_FORMAT, "broken/y/c.png: PNG: the file ends after");
        ck_assert(unlink(suite_path("broken/x/b.png")) == 0);
        ck_fails(read_pixels(dataset, 1, first, BYTES), PT_ERR_NOT_FOUND, "b.png");
        pt_dataset_free(dataset);
    }
    golden_tensors_close(&golden);
}
END_TEST

/* ---- Threads ---- */

enum { PASSES = 3, SAMPLES = 9 };

/* All that a loader gives in some epochs. */
static void load(pt_dataset_t *dataset, int32_t producers, float *values, int32_t *labels)
{
    const pt__request_t requests[2] = {
        {.name = "pixel_values", .dtype = PT_FLOAT32, .rank = 3, .shape = {SIDE, SIDE, 3}},
        {.name = "label", .dtype = PT_INT32, .index_limit = 3, .index_ignore = INT32_MIN}};
    const pt__loader_options_t options = {
        .batch = 2, .micro_batch = 2, .epochs = PASSES, .prefetch = producers > 0, .producers = producers};
    const pt__cursor_t start = {.seed = 5};
    pt__loader_t *loader;
    pt__loaded_t loaded;
    int64_t samples = 0;
    ck_ok(pt__loader_create(dataset, requests, 2, &options, &start, &loader));
    pt_status_t status;
    while ((status = pt__loader_next(loader, &loaded)) == PT_OK) {
        const int64_t count = loaded.rows.count[PT__DIMENSION_BATCH];
        memcpy(values + samples * BYTES, loaded.data[0], (size_t)count * BYTES * sizeof *values);
        memcpy(labels + samples, loaded.data[1], (size_t)count * sizeof *labels);
        samples += count;
    }
    ck_assert_int_eq(status, PT_END);
    ck_assert_int_eq(samples, PASSES * SAMPLES);
    pt__loader_free(loader);
}

START_TEST(test_any_number_of_threads)
{
    static float values[2][PASSES * SAMPLES * BYTES];
    static int32_t labels[2][PASSES * SAMPLES];
    golden_tensors_t golden = golden_pictures_open();
    const pt_image_options_t options = drawn();
    pt_dataset_t *dataset;
    char name[32];
    folder("many");
    for (int i = 0; i < SAMPLES; i++) {
        snprintf(name, sizeof name, "many/%d", i % 3);
        folder(name);
        snprintf(name, sizeof name, "many/%d/%d.png", i % 3, i);
        if (i % 4 == 1)
            suite_write(name, "broken", 6);
        else
            put(&golden, "file", i % 2 == 0 ? "rgb.png" : "palette.png", name);
    }
    if (needs_png()) {
        for (int32_t producers = 0; producers <= 4; producers += 2) {
            ck_ok(pt_dataset_create_from_images(golden.context, suite_path("many"), &options, &dataset));
            load(dataset, producers, values[producers > 0], labels[producers > 0]);
            if (producers > 0) {
                ck_assert_mem_eq(values[0], values[1], sizeof values[0]);
                ck_assert_mem_eq(labels[0], labels[1], sizeof labels[0]);
            }
            ck_assert_int_eq(pt_dataset_skipped_count(dataset), 2);
            pt_dataset_free(dataset);
        }
        ck_assert_mem_ne(values[0], values[0] + SAMPLES * BYTES, BYTES); /* another epoch, another draw */
    }
    golden_tensors_close(&golden);
}
END_TEST

/* ---- IDX and CIFAR ---- */

static const char images[] = "\0\0\x08\x03\0\0\0\3\0\0\0\2\0\0\0\2\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b";
static const char labels[] = "\0\0\x08\x01\0\0\0\3\1\0\2";

static void expect_idx(pt_context_t *context, const char *path, int has_labels)
{
    pt_image_options_t options = sized(0);
    uint8_t pixels[12];
    pt_dataset_t *dataset;
    ck_ok(pt_dataset_create_from_images(context, path, NULL, &dataset));
    ck_assert_int_eq(pt_dataset_length(dataset), 3);
    ck_assert_int_eq(pt_dataset_field_count(dataset), 1 + has_labels);
    ck_ok(read_pixels(dataset, 1, pixels, 4));
    ck_assert_mem_eq(pixels, ((uint8_t[]){4, 5, 6, 7}), 4);
    ck_assert_int_eq(pt_dataset_skipped_count(dataset), 0);
    if (has_labels) {
        ck_assert(label_of(dataset, 0) == 1 && label_of(dataset, 1) == 0 && label_of(dataset, 2) == 2);
        ck_assert_int_eq(pt_dataset_class_count(dataset, "label"), 3);
        ck_assert_str_eq(pt_dataset_class_name(dataset, "label", 2), "2");
    }
    pt_dataset_free(dataset);
    options.channels = 3;
    ck_ok(pt_dataset_create_from_images(context, path, &options, &dataset));
    ck_ok(read_pixels(dataset, 1, pixels, 12));
    ck_assert_mem_eq(pixels, ((uint8_t[]){4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7}), 12);
    pt_dataset_free(dataset);
}

START_TEST(test_idx)
{
    golden_tensors_t golden = golden_pictures_open();
    folder("idx");
    expect_idx(golden.context, suite_write("idx/train-images-idx3-ubyte", images, sizeof images - 1), 0);
    suite_write("idx/train-labels-idx1-ubyte", labels, sizeof labels - 1);
    expect_idx(golden.context, suite_path("idx/train-images-idx3-ubyte"), 1);
    expect_idx(golden.context, suite_path("idx"), 1);
#ifdef PT__ZLIB
    folder("packed");
    put(&golden, "file", "images.gz", "packed/t10k-images-idx3-ubyte.gz");
    put(&golden, "file", "labels.gz", "packed/t10k-labels-idx1-ubyte.gz");
    expect_idx(golden.context, suite_path("packed/t10k-images-idx3-ubyte.gz"), 1);
    expect_idx(golden.context, suite_path("packed"), 1);
    ck_assert(unlink(suite_path("packed/t10k-labels-idx1-ubyte.gz")) == 0);
    suite_write("packed/t10k-labels-idx1-ubyte", labels, sizeof labels - 1);
    expect_idx(golden.context, suite_path("packed"), 1);
    put(&golden, "file", "labels.gz", "idx/train-labels-idx1-ubyte.gz");
    ck_assert(unlink(suite_path("idx/train-labels-idx1-ubyte")) == 0);
    expect_idx(golden.context, suite_path("idx"), 1);
#endif
    golden_tensors_close(&golden);
}
END_TEST

static void expect_refused(pt_context_t *context, const char *path, pt_status_t status, const char *part)
{
    pt_dataset_t *dataset;
    ck_fails(pt_dataset_create_from_images(context, path, NULL, &dataset), status, part);
    ck_assert_ptr_null(dataset);
}

START_TEST(test_broken_idx)
{
    golden_tensors_t golden = golden_pictures_open();
    pt_context_t *context = golden.context;
    folder("bad");
    expect_refused(context, suite_write("bad/images-idx3", images, sizeof images - 2), PT_ERR_FORMAT,
                   "bad/images-idx3: 11 bytes behind its header, expected 12");
    expect_refused(context, suite_write("bad/images-idx3", images, 12), PT_ERR_FORMAT, "no IDX file of pictures");
    expect_refused(context, suite_write("bad/images-idx3", labels, sizeof labels - 1), PT_ERR_FORMAT,
                   "no IDX file of pictures: expected the number 2051 at its begin, found 2049");
    expect_refused(context, suite_write("bad/images-idx3", "\0\0\x08\x03\0\0\0\0\0\0\0\2\0\0\0\2", 16), PT_ERR_FORMAT,
                   "size 0 is 0");
    expect_refused(context, suite_write("bad/images-idx3", "\0\0\x08\x03\0\0\0\1\0\1\0\1\0\0\0\2", 16), PT_ERR_FORMAT,
                   "at most 65536");
    expect_refused(context, suite_write("bad/images-idx3", "\0\0\x08\x03\x7F\xFF\xFF\xFF\0\0\xFF\xFF\0\0\xFF\xFF", 16),
                   PT_ERR_FORMAT, "bytes of pictures");
    suite_write("bad/images-idx3", images, sizeof images - 1);
    suite_write("bad/labels-idx1", "\0\0\x08\x01\0\0\0\2\1\0", 10);
    expect_refused(context, suite_path("bad/images-idx3"), PT_ERR_FORMAT,
                   "bad/labels-idx1: 2 labels, expected one for");
    suite_write("bad/more-images-idx3", images, sizeof images - 1);
    expect_refused(context, suite_path("bad"), PT_ERR_ARGUMENT,
                   "has both images-idx3 and more-images-idx3: give the path of one of them");
#ifdef PT__ZLIB
    const pt__entry_t *packed = golden_entry(&golden, "file", "images.gz");
    uint8_t bytes[256];
    memcpy(bytes, packed->data, (size_t)packed->bytes);
    expect_refused(context, suite_write("bad/a", bytes, (size_t)packed->bytes - 12), PT_ERR_FORMAT,
                   "bad/a: the packed file ends early");
    bytes[packed->bytes - 6] ^= 1; /* the checksum */
    expect_refused(context, suite_write("bad/a", bytes, (size_t)packed->bytes), PT_ERR_FORMAT, "bad/a: ");
    bytes[2] = 9;
    expect_refused(context, suite_write("bad/a", bytes, (size_t)packed->bytes), PT_ERR_FORMAT, "bad/a: ");
#endif
    golden_tensors_close(&golden);
}
END_TEST

/* Two pictures, behind labels of one byte or two. */
static const char *write_records(const golden_tensors_t *golden, const char *name, int n_labels)
{
    static uint8_t bytes[2 * (2 + 3072)];
    const uint8_t *batch = pt__tensors_find(pt__file_tensors_table(golden->file), "batch")->data;
    uint8_t *at = bytes;
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < n_labels; k++)
            *at++ = (uint8_t)(k + 1 == n_labels ? 2 - 2 * i : 1);
        for (int c = 0; c < 3; c++)
            for (int k = 0; k < 1024; k++)
                *at++ = batch[i * 3072 + 3 * k + c];
    }
    return suite_write(name, bytes, (size_t)(at - bytes));
}

static void expect_cifar(const golden_tensors_t *golden, const char *path, int64_t samples, const char *third)
{
    static uint8_t pixels[3072], gray[1024];
    pt_image_options_t options = sized(0);
    pt_dataset_t *dataset;
    const uint8_t *batch = pt__tensors_find(pt__file_tensors_table(golden->file), "batch")->data;
    ck_ok(pt_dataset_create_from_images(golden->context, path, NULL, &dataset));
    ck_assert_int_eq(pt_dataset_length(dataset), samples);
    ck_ok(read_pixels(dataset, 1, pixels, sizeof pixels));
    ck_assert_mem_eq(pixels, batch + 3072, sizeof pixels);
    ck_assert(label_of(dataset, 0) == 2 && label_of(dataset, 1) == 0);
    ck_assert_int_eq(pt_dataset_class_count(dataset, "label"), 3);
    ck_assert_str_eq(pt_dataset_class_name(dataset, "label", 2), third);
    pt_dataset_free(dataset);
    options.channels = 1;
    ck_ok(pt_dataset_create_from_images(golden->context, path, &options, &dataset));
    ck_ok(read_pixels(dataset, 1, gray, sizeof gray));
    ck_assert_int_eq(gray[9], pt__picture_gray(batch + 3072 + 27));
    pt_dataset_free(dataset);
}

START_TEST(test_cifar)
{
    golden_tensors_t golden = golden_pictures_open();
    folder("ten");
    expect_cifar(&golden, write_records(&golden, "ten/data_batch_1.bin", 1), 2, "2");
    write_records(&golden, "ten/data_batch_2.bin", 1);
    write_records(&golden, "ten/test_batch.bin", 1);
    suite_write("ten/batches.meta.txt", "ape\r\nbee\n\ncat\n", 15);
    expect_cifar(&golden, suite_path("ten"), 4, "cat");
    expect_cifar(&golden, suite_path("ten/test_batch.bin"), 2, "cat");
    folder("hundred");
    suite_write("hundred/fine_label_names.txt", "a\nb\nc", 5);
    expect_cifar(&golden, write_records(&golden, "hundred/train.bin", 2), 2, "c");
    expect_cifar(&golden, suite_path("hundred"), 2, "c");
    folder("pickled");
    put(&golden, "pickle", "text", "pickled/data_batch_1");
    expect_cifar(&golden, suite_path("pickled/data_batch_1"), 2, "2");
    put(&golden, "pickle", "bytes", "pickled/data_batch_2");
    put(&golden, "pickle", "names", "pickled/batches.meta");
    expect_cifar(&golden, suite_path("pickled"), 4, "cat");
    folder("pickled_hundred");
    put(&golden, "pickle", "hundred", "pickled_hundred/train");
    suite_write("pickled_hundred/meta", "\x80\x02}q\0.", 6);
    expect_refused(golden.context, suite_path("pickled_hundred"), PT_ERR_FORMAT, "meta: the pickle has no list");
    put(&golden, "pickle", "names", "pickled_hundred/meta");
    expect_cifar(&golden, suite_path("pickled_hundred"), 2, "cat");
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_broken_cifar)
{
    golden_tensors_t golden = golden_pictures_open();
    pt_context_t *context = golden.context;
    folder("bad_ten");
    expect_refused(
        context, suite_write("bad_ten/data_batch_1.bin", "abc", 3), PT_ERR_FORMAT,
        "bad_ten/data_batch_1.bin: 3 bytes, expected a multiple of 3073, the bytes of a picture and its label");
    expect_refused(context, suite_write("bad_ten/train.bin", "", 0), PT_ERR_FORMAT, "and its two labels");
    suite_write("bad_ten/batches.meta.txt", "ape\n", 4);
    expect_refused(context, write_records(&golden, "bad_ten/data_batch_1.bin", 1), PT_ERR_FORMAT,
                   "picture 0 is of class 2, expected 0 to 0");
    ck_assert(unlink(suite_path("bad_ten/batches.meta.txt")) == 0);
    put(&golden, "pickle", "odd", "bad_ten/odd");
    expect_refused(context, suite_path("bad_ten/odd"), PT_ERR_FORMAT,
                   "bad_ten/odd: \"data\" is an array of something else");
    expect_refused(context, suite_write("bad_ten/odd", "\x80\x02}q\0.", 6), PT_ERR_FORMAT, "has no dict with a key");
    expect_refused(context, suite_write("bad_ten/odd", "\x80\x02}U\4dataK\1s.", 13), PT_ERR_FORMAT,
                   "\"data\" is no array");
    expect_refused(context,
                   suite_write("bad_ten/odd",
                               "\x80\x02"
                               "cos\nsystem\n.",
                               14),
                   PT_ERR_UNSUPPORTED, "os.system");
    golden_tensors_close(&golden);
}
END_TEST

/* ---- Options ---- */

START_TEST(test_padding_moves)
{
    golden_tensors_t golden = golden_pictures_open();
    pt_image_options_t options = sized(0);
    pt_dataset_t *dataset;
    int64_t indices[64], elements;
    static uint8_t pixels[64 * 4];
    int moved = 0, black = 0;
    options.crop = PT_IMAGE_CROP_PADDED;
    options.padding = 3;
    folder("padded");
    suite_write("padded/a-images-idx3", images, sizeof images - 1);
    ck_ok(pt_dataset_create_from_images(golden.context, suite_path("padded"), &options, &dataset));
    for (int i = 0; i < 64; i++)
        indices[i] = 1 + i % 2;
    ck_ok(read_field(dataset, indices, 64, "pixel_values", pixels, 64 * 4, &elements, NULL));
    for (int i = 0; i < 64; i += 2)
        ck_assert_mem_eq(pixels + 4 * i, pixels, 4); /* the same draw for the same sample */
    pt_dataset_free(dataset);
    for (int32_t padding = 0; padding < 5; padding++) {
        options.padding = padding;
        ck_ok(pt_dataset_create_from_images(golden.context, suite_path("padded"), &options, &dataset));
        for (int64_t i = 0; i < 3; i++) {
            ck_ok(read_pixels(dataset, i, pixels, 4));
            const int is_black = pixels[0] + pixels[1] + pixels[2] + pixels[3] == 0;
            const uint8_t whole[4] = {(uint8_t)(4 * i), (uint8_t)(4 * i + 1), (uint8_t)(4 * i + 2),
                                      (uint8_t)(4 * i + 3)};
            ck_assert(padding > 0 || memcmp(pixels, whole, 4) == 0);
            black += is_black;
            moved += !is_black && memcmp(pixels, whole, 4) != 0;
        }
        pt_dataset_free(dataset);
    }
    ck_assert_int_gt(moved + black, 4);
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_options_are_checked)
{
    golden_tensors_t golden = golden_pictures_open();
    pt_dataset_t *dataset;
    folder("options");
    suite_write("options/a-images-idx3", images, sizeof images - 1);
    const char *path = suite_path("options");
#define REFUSED(field, number, part)                                                                              \
    do {                                                                                                          \
        pt_image_options_t options = sized(SIDE);                                                                 \
        options.field = number;                                                                                   \
        ck_fails(pt_dataset_create_from_images(golden.context, path, &options, &dataset), PT_ERR_ARGUMENT, part); \
    } while (0)
    REFUSED(flags, 2, "flags has 0x2");
    REFUSED(height, 0, "expected both or none");
    REFUSED(height, -1, "height is -1");
    REFUSED(width, 65537, "width is 65537");
    REFUSED(channels, 2, "channels is 2");
    REFUSED(crop, 4, "crop is 4");
    REFUSED(filter, 2, "filter is 2");
    REFUSED(shorter_side, 5, "shorter_side is 5, expected 0 or at least 6");
    REFUSED(shorter_side, -1, "shorter_side is -1");
    REFUSED(padding, -1, "padding is -1");
    REFUSED(most_pixels, 0, "most_pixels is 0");
    REFUSED(scale_least, 0, "scale_least");
    REFUSED(scale_most, 1.5, "scale_least and _most are 0.08 and 1.5");
    REFUSED(ratio_most, 0.5, "ratio_least");
    REFUSED(blur_least, 3, "blur_least");
    REFUSED(blur_size, 4, "blur_size is 4, expected an odd number");
    REFUSED(blur_size, -3, "blur_size is -3");
    REFUSED(blur, 1.01, "blur is 1.01");
    REFUSED(hue, 0.6, "hue is 0.6");
    REFUSED(jitter, -1, "jitter is -1");
    REFUSED(randaugment, 17, "randaugment is 17");
    REFUSED(randaugment_strength, 31, "randaugment_strength is 31");
    pt_image_options_t options = sized(0);
    options.shorter_side = 1; /* of pictures that are 2 x 2 */
    ck_fails(pt_dataset_create_from_images(golden.context, path, &options, &dataset), PT_ERR_ARGUMENT,
             "shorter_side is 1, expected 0 or at least 2");
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_failing_memory)
{
    golden_tensors_t golden = golden_pictures_open();
    failing_allocator_t allocator;
    pt_status_t status = PT_OK;
    const pt_image_options_t options = drawn();
    make_zoo(&golden);
    folder("few");
    put(&golden, "pickle", "bytes", "few/data_batch_1");
    put(&golden, "pickle", "names", "few/batches.meta");
    folder("fewer");
    suite_write("fewer/a-images-idx3", images, sizeof images - 1);
    suite_write("fewer/a-labels-idx1", labels, sizeof labels - 1);
#ifdef PT__ZLIB
    put(&golden, "file", "images.gz", "fewer/a-images-idx3");
#endif
    for (int i = needs_png() ? 0 : 1; i < 3; i++) {
        FOR_EACH_FAILING_ALLOCATION(allocator, {
            pt_context_t *context = NULL;
            pt_dataset_t *dataset = NULL;
            uint8_t pixels[BYTES];
            status = samples_failing_context(&allocator, &context);
            if (status == PT_OK)
                status = pt_dataset_create_from_images(
                    context, suite_path(i == 0 ? "zoo" : i == 1 ? "few" : "fewer"), i == 0 ? &options : NULL, &dataset);
            if (status == PT_OK && i == 0)
                status = read_pixels(dataset, 1, pixels, BYTES);
            pt_dataset_free(dataset);
            pt_context_free(context);
        }, status);
    }
    failing_io_arm(FAILING_MUTEX, 1, EAGAIN);
    pt_dataset_t *dataset;
    ck_fails(pt_dataset_create_from_images(golden.context, suite_path("fewer"), NULL, &dataset), PT_ERR_MEMORY, "lock");
    failing_io_disarm();
    golden_tensors_close(&golden);
}
END_TEST

SUITE("pictures", 30, test_a_folder_a_class, test_numbers_and_names, test_strict_and_nothing_to_read,
      test_directories_that_fail, test_a_folder_without_classes, test_a_slash_at_the_end, test_lists,
      test_the_next_good_one_stands_in,
      test_any_number_of_threads, test_idx, test_broken_idx, test_cifar, test_broken_cifar, test_padding_moves,
      test_options_are_checked, test_failing_memory)
