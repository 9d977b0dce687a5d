/* Maps: what they are handed, on how many threads, and everything that can go wrong in them; the samples that they make
 * are the same whoever makes them. */
#include "data/ragged_host.h"
#include "support/views.h"

static sequence_t whole, part;

static const pt_field_spec_t made_fields[3] = {
    {.name = "index", .dtype = PT_INT64},
    {.name = "text", .dtype = PT_INT32, .rank = 1, .shape = {PT_DIM_TOKENS}, .max_length = LONGEST + 1},
    {.name = "frames", .dtype = PT_FLOAT32, .rank = 1, .shape = {PT_DIM_TOKENS}, .max_length = 4},
};

/* Each row of "text" becomes a number from its key; the key itself is one row more. Frames stay. */
static void make(void *user, pt_batch_t *batch)
{
    host_t *host = user;
    const int32_t *text = batch->inputs[0].data, *index = batch->inputs[2].data;
    int64_t *made_index = batch->fields[0].data;
    int32_t *made = batch->fields[1].data;
    come(host);
    if (batch->n_inputs != 3 || batch->inputs[0].lengths == NULL || batch->inputs[2].elements != batch->capacity)
        return;
    memcpy(batch->fields[2].data, batch->inputs[1].data, (size_t)batch->inputs[1].elements * sizeof(float));
    for (batch->filled = 0; batch->filled < batch->capacity; batch->filled++) {
        int64_t i = batch->filled, rows = batch->inputs[0].lengths[i];
        if (index[i] == atomic_load(&host->fail_at))
            break;
        made_index[i] = index[i];
        for (int64_t r = 0; r < rows; r++)
            *made++ = (int32_t)((uint64_t)(*text++) ^ pt_batch_key(batch, i) >> 40);
        *made++ = (int32_t)(pt_batch_key(batch, i) & 0x7fffffff);
        batch->fields[1].lengths[i] = rows + 1;
        batch->fields[2].lengths[i] = batch->inputs[1].lengths[i];
    }
    if (batch->filled == batch->capacity)
        batch->status = PT_OK;
    go(host);
}

START_TEST(test_maps_do_not_depend_on_producers)
{
    pt_context_t *context = samples_context();
    host_t host = {.fail_at = -1, .length = LENGTH}, maker = {.fail_at = -1};
    pt_dataset_t *known = arrays_of(context), *map = map_of(context, &host, PT_DATASET_THREAD_SAFE), *stream;
    ck_ok(pt_dataset_create_stream(context, fields, 3, sizeof(pt_field_spec_t), PT_DATASET_THREAD_SAFE, next, &host,
                                   ended, &stream));
    pt_dataset_t *origins[] = {known, map, stream};
    static sequence_t first;
    for (int i = 0; i < 3; i++) {
        pt_dataset_t *made, *view = NULL;
        ck_ok(pt_dataset_map(origins[i], made_fields, 3, sizeof(pt_field_spec_t), PT_DATASET_CONCURRENT, make, &maker,
                             ended, &made));
        if (i < 2) {
            ck_ok(pt_dataset_shuffle(made, 8, &view));
            ck_assert_int_eq(pt_dataset_length(made), LENGTH);
        }
        for (int cut = 0; cut < 4; cut++) {
            pt__loader_options_t options = cuts[cut];
            options.epochs = 2;
            options.in_order = i == 2;
            if (options.batch_rows == 9)
                options.batch_rows = 10; /* the longest has one more */
            load(view != NULL ? view : made, &options, &(const pt__cursor_t){.seed = 11}, &whole);
            ck_assert_int_eq(whole.count, 2 * LENGTH);
            if (cut == 0)
                first = whole;
            ck_assert_mem_eq(whole.index, first.index, sizeof whole.index);
            ck_assert_mem_eq(whole.bits, first.bits, sizeof whole.bits); /* the keys are the samples' own */
            options.prefetch = 1;
            for (options.producers = 1; options.producers <= 4; options.producers++) {
                load(view != NULL ? view : made, &options, &(const pt__cursor_t){.seed = 11}, &part);
                same_from(&whole, 0, &part);
            }
            load(view != NULL ? view : made, &options, &(const pt__cursor_t){.seed = 12}, &part);
            ck_assert_mem_ne(part.bits, whole.bits, sizeof part.bits);
        }
        int64_t differing = 0;
        for (int64_t k = 0; k < LENGTH; k++)
            for (int64_t l = LENGTH; l < 2 * LENGTH; l++)
                differing += first.index[k] == first.index[l] && first.bits[k] != first.bits[l];
        ck_assert_int_eq(differing, LENGTH); /* each epoch has keys of its own */
        pt_dataset_free(view);
        pt_dataset_free(made);
    }
    ck_assert_int_eq(maker.destroyed, 3);
    pt_dataset_free(known);
    pt_dataset_free(map);
    pt_dataset_free(stream);
    pt_context_free(context);
}
END_TEST

/* Adds up what it is handed; tells how a chain of maps sees its samples. */
static void pass_on(void *user, pt_batch_t *batch)
{
    uint64_t *keys = user;
    const int64_t *index = batch->inputs[0].data;
    ck_assert(pt_batch_key(NULL, 0) == 0 && pt_batch_key(batch, -1) == 0 && pt_batch_key(batch, batch->capacity) == 0);
    for (int64_t i = 0; i < batch->capacity; i++) {
        keys[index[i]] = pt_batch_key(batch, i);
        ((int32_t *)batch->fields[0].data)[i] = (int32_t)index[i];
    }
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

static void double_up(void *user, pt_batch_t *batch)
{
    uint64_t *keys = user;
    const int32_t *index = batch->inputs[0].data;
    for (int64_t i = 0; i < batch->capacity; i++) {
        keys[index[i]] = pt_batch_key(batch, i);
        ((int64_t *)batch->fields[0].data)[i] = index[i];
    }
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

START_TEST(test_maps_of_views_of_maps)
{
    pt_context_t *context = samples_context();
    uint64_t lower[LENGTH] = {0}, upper[LENGTH] = {0};
    int64_t index[3] = {0, 5, 9}, values[3], elements;
    pt_dataset_t *known = arrays_of(context), *low, *view, *high;
    const pt_field_spec_t narrow = {.name = "index", .dtype = PT_INT32}, wide = {.name = "index", .dtype = PT_INT64};
    host_t maker = {.fail_at = -1};
    pt_dataset_t *first;
    ck_ok(pt_dataset_map(known, made_fields, 3, sizeof(pt_field_spec_t), 0, make, &maker, NULL, &first));
    ck_ok(pt_dataset_map(first, &narrow, 1, sizeof(pt_field_spec_t), 0, pass_on, lower, NULL, &low));
    ck_ok(pt_dataset_subset(low, 20, 30, &view));
    ck_ok(pt_dataset_map(view, &wide, 1, sizeof(pt_field_spec_t), 0, double_up, upper, NULL, &high));
    pt_dataset_free(known);
    pt_dataset_free(first);
    pt_dataset_free(low);
    pt_dataset_free(view);
    ck_ok(read_field(high, index, 3, "index", values, 3, &elements, NULL));
    ck_assert(elements == 3 && values[0] == 20 && values[1] == 25 && values[2] == 29);
    for (int i = 0; i < 3; i++) /* the maps of a chain draw independently */
        ck_assert(lower[values[i]] != 0 && upper[values[i]] != 0 && lower[values[i]] != upper[values[i]]);
    ck_assert(lower[20] != lower[25] && upper[20] != upper[25]);
    uint64_t again = upper[25];
    ck_ok(read_field(high, index + 1, 1, "index", values, 3, &elements, NULL));
    ck_assert(upper[25] == again);
    pt_dataset_free(high);
    pt_context_free(context);
}
END_TEST

START_TEST(test_threads_that_a_dataset_allows)
{
    pt_context_t *context = samples_context();
    const struct {
        uint32_t fetch, make;
        int32_t most_fetch, most_make;
    } cases[] = {
        {0, 0, 1, 1},
        {0, PT_DATASET_CONCURRENT, 1, 1}, /* the caller's thread, for both */
        {PT_DATASET_THREAD_SAFE, PT_DATASET_THREAD_SAFE, 1, 1},
        {PT_DATASET_THREAD_SAFE, PT_DATASET_CONCURRENT, 1, 4},
        {PT_DATASET_CONCURRENT, PT_DATASET_THREAD_SAFE, 4, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        host_t host = {.fail_at = -1, .slow = 1, .awaited = cases[i].most_fetch > 1 ? 2 : 1},
               maker = {.fail_at = -1, .slow = 1, .awaited = cases[i].most_make > 1 ? 2 : 1};
        pt_dataset_t *dataset = map_of(context, &host, cases[i].fetch), *made;
        pt__loader_options_t options = {.batch = 3, .micro_batch = 3, .epochs = 2, .prefetch = 1, .producers = 4};
        ck_ok(
            pt_dataset_map(dataset, made_fields, 3, sizeof(pt_field_spec_t), cases[i].make, make, &maker, NULL, &made));
        load(made, &options, &(const pt__cursor_t){.seed = 11}, &part);
        ck_assert_int_eq(part.count, 2 * LENGTH);
        ck_assert(host.most_now <= cases[i].most_fetch && maker.most_now <= cases[i].most_make);
        ck_assert(host.most_now >= host.awaited && maker.most_now >= maker.awaited);
        ck_assert_int_eq(host.calls, 2 * ((LENGTH + 2) / 3));
        pt_dataset_free(made);
        pt_dataset_free(dataset);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_failures_come_in_their_place)
{
    pt_context_t *context = samples_context();
    for (int32_t producers = 0; producers <= 4; producers++) {
        for (int in_map = 0; in_map < 2; in_map++) {
            host_t host = {.fail_at = in_map ? -1 : 37, .slow = producers == 3};
            host_t maker = {.fail_at = in_map ? 37 : -1, .slow = producers == 3};
            pt_dataset_t *dataset = map_of(context, &host, PT_DATASET_CONCURRENT), *made;
            ck_ok(pt_dataset_map(dataset, made_fields, 3, sizeof(pt_field_spec_t), PT_DATASET_CONCURRENT, make, &maker,
                                 NULL, &made));
            for (int by_rows = 0; by_rows < 2; by_rows++) {
                pt__loader_options_t options = {
                    .batch = 4, .micro_batch = 4, .in_order = 1, .prefetch = producers > 0, .producers = producers};
                pt__loader_t *loader;
                pt__loaded_t loaded;
                int64_t samples = 0;
                pt_status_t status;
                options.micro_rows = by_rows ? 40 : 0;
                ck_ok(pt__loader_create(made, requests, 3, &options, NULL, &loader));
                while ((status = pt__loader_next(loader, &loaded)) == PT_OK)
                    samples += loaded.rows.count[PT__DIMENSION_BATCH];
                ck_assert_int_eq(samples, 36);
                ck_fails(status, PT_ERR_CALLBACK,
                         in_map ? "sample 37: the map's callback did not report" : "the dataset's callback did not");
                ck_assert_int_eq(pt__loader_cursor(loader).position, 36);
                ck_fails(pt__loader_next(loader, &loaded), PT_ERR_CALLBACK, "did not report");
                pt__loader_free(loader);
            }
            pt_dataset_free(made);
            pt_dataset_free(dataset);
        }
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_freed_at_any_moment)
{
    pt_context_t *context = samples_context();
    for (int i = 0; i < 120; i++) {
        host_t host = {.fail_at = i % 7 == 0 ? 13 : -1, .slow = i % 3 == 0};
        host_t maker = {.fail_at = -1, .slow = i % 4 == 0};
        pt_dataset_t *dataset = map_of(context, &host, PT_DATASET_CONCURRENT), *made;
        pt__loader_options_t options = {.batch = 5, .micro_batch = 2, .prefetch = 1, .producers = 1 + i % 4};
        pt__loader_t *loader;
        pt__loaded_t loaded;
        if (i % 5 == 0)
            options = (pt__loader_options_t){.batch_rows = 30, .prefetch = 1, .producers = 1 + i % 4};
        ck_ok(pt_dataset_map(dataset, made_fields, 3, sizeof(pt_field_spec_t), PT_DATASET_CONCURRENT, make, &maker,
                             ended, &made));
        ck_ok(pt__loader_create(made, requests, 3, &options, NULL, &loader));
        for (int k = 0; k < i % 6; k++)
            if (pt__loader_next(loader, &loaded) != PT_OK)
                break;
        pt_dataset_free(made);
        pt_dataset_free(dataset);
        ck_assert_int_eq(host.destroyed + maker.destroyed, 0);
        pt__loader_free(loader);
        ck_assert_int_eq(host.destroyed + maker.destroyed, 2);
    }
    for (int32_t producers = 0; producers < 3; producers++) { /* by the callback itself */
        host_t host = {.fail_at = -1}, maker = {.fail_at = -1};
        pt_dataset_t *dataset = map_of(context, &host, PT_DATASET_THREAD_SAFE), *made;
        pt__loader_options_t options = {
            .batch = 5, .micro_batch = 2, .epochs = 1, .prefetch = producers > 0, .producers = producers};
        pt__loader_t *loader;
        ck_ok(pt_dataset_map(dataset, made_fields, 3, sizeof(pt_field_spec_t), PT_DATASET_THREAD_SAFE, make, &maker,
                             ended, &made));
        host.own = dataset;
        maker.own = made;
        ck_ok(pt__loader_create(made, requests, 3, &options, NULL, &loader));
        take(loader, &part);
        ck_assert_int_eq(part.count, LENGTH);
        pt__loader_free(loader);
        ck_assert_int_eq(host.destroyed + maker.destroyed, 2);
    }
    pt_context_free(context);
}
END_TEST

static void from_within(void *user, pt_batch_t *batch)
{
    samples_t *samples = user;
    int64_t index = 0, elements;
    int32_t value;
    samples->again_status = read_field(samples->again, &index, 1, "index", &value, 1, &elements, NULL);
    memcpy(batch->fields[0].data, batch->inputs[2].data, (size_t)batch->capacity * sizeof(int32_t));
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

START_TEST(test_what_a_map_may_not_do)
{
    pt_context_t *context = samples_context();
    pt_dataset_t *known = arrays_of(context), *made = (pt_dataset_t *)context;
    int64_t index = 3, elements;
    int32_t value;
    samples_t samples = {0};
    ck_fails(pt_dataset_map(NULL, fields, 3, sizeof(pt_field_spec_t), 0, make, NULL, NULL, &made), PT_ERR_ARGUMENT,
             "dataset");
    ck_assert_ptr_null(made);
    ck_fails(pt_dataset_map(known, NULL, 3, sizeof(pt_field_spec_t), 0, make, NULL, NULL, &made), PT_ERR_ARGUMENT,
             "fields");
    ck_fails(pt_dataset_map(known, fields, 0, sizeof(pt_field_spec_t), 0, make, NULL, NULL, &made), PT_ERR_ARGUMENT,
             "n_fields");
    ck_fails(pt_dataset_map(known, fields, 3, sizeof(pt_field_spec_t), 0, NULL, NULL, NULL, &made), PT_ERR_ARGUMENT,
             "map");
    ck_fails(pt_dataset_map(known, fields, 3, sizeof(pt_field_spec_t), 2, make, NULL, NULL, &made), PT_ERR_ARGUMENT,
             "flags");
    ck_fails(pt_dataset_map(known, fields, 3, sizeof(pt_field_spec_t), 0, make, NULL, NULL, NULL), PT_ERR_ARGUMENT,
             "out");
    for (uint32_t flags = 0; flags <= PT_DATASET_CONCURRENT; flags += PT_DATASET_CONCURRENT) { /* back into itself */
        ck_ok(pt_dataset_map(known, &fields[2], 1, sizeof(pt_field_spec_t), flags, from_within, &samples, NULL, &made));
        samples.again = made;
        ck_ok(read_field(made, &index, 1, "index", &value, 1, &elements, NULL));
        ck_assert_int_eq(samples.again_status, PT_ERR_BUSY);
        ck_assert_int_eq(value, 3);
        samples.again = known; /* another dataset it may read */
        ck_ok(read_field(made, &index, 1, "index", &value, 1, &elements, NULL));
        ck_assert_int_eq(samples.again_status, PT_OK);
        pt_dataset_free(made);
    }
    pt_dataset_free(known);
    pt_context_free(context);
}
END_TEST

static pt_status_t load_all(failing_allocator_t *allocator)
{
    pt_context_t *context = NULL;
    pt_dataset_t *dataset = NULL, *made = NULL;
    pt__loader_t *loader = NULL;
    pt__loaded_t loaded;
    host_t host = {.fail_at = -1}, maker = {.fail_at = -1};
    pt__loader_options_t options = {.batch_rows = 40, .micro_rows = 20, .prefetch = 1, .producers = 2};
    pt_status_t status = samples_failing_context(allocator, &context);
    if (status == PT_OK)
        status = pt_dataset_create_map(context, fields, 3, sizeof(pt_field_spec_t), LENGTH, PT_DATASET_CONCURRENT,
                                       fetch, &host, NULL, &dataset);
    if (status == PT_OK)
        status = pt_dataset_map(dataset, made_fields, 3, sizeof(pt_field_spec_t), PT_DATASET_CONCURRENT, make, &maker,
                                NULL, &made);
    if (status == PT_OK)
        status = pt__loader_create(made, requests, 3, &options, NULL, &loader);
    for (int i = 0; status == PT_OK && i < 20; i++)
        status = pt__loader_next(loader, &loaded);
    pt__loader_free(loader);
    pt_dataset_free(made);
    pt_dataset_free(dataset);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, status = load_all(&allocator), status);
}
END_TEST

SUITE("map", 240, test_maps_do_not_depend_on_producers, test_maps_of_views_of_maps, test_threads_that_a_dataset_allows,
      test_failures_come_in_their_place, test_freed_at_any_moment, test_what_a_map_may_not_do,
      test_every_allocation_may_fail)
