/* Values handed over directly: matched by name, borrowed or converted, checked. */
#include <math.h>
#include <string.h>

#include "data/data.h"
#include "support/samples.h"
#include "support/views.h"

static const pt__request_t requests[3] = {
    {.name = "tokens",
     .dtype = PT_INT32,
     .rank = 1,
     .dimension = PT__DIMENSION_TOKENS,
     .shape = {PT_DIM_TOKENS},
     .index_limit = 10,
     .index_ignore = INT32_MIN},
    {.name = "weight", .dtype = PT_FLOAT32, .rank = 1, .dimension = PT__DIMENSION_TOKENS, .shape = {PT_DIM_TOKENS}},
    {.name = "label", .dtype = PT_INT32, .index_limit = 3, .index_ignore = -100},
};

START_TEST(test_takes)
{
    const int64_t limits[PT__DIMENSIONS] = {[PT__DIMENSION_TOKENS] = 3};
    pt_context_t *context = samples_context();
    pt__collector_t *collector;
    pt__loaded_t loaded;
    int32_t tokens[5] = {0, 1, 2, 3, 9}, labels[2] = {2, -100};
    double weights[5] = {0.5, 1, 1, 1, 1};
    int64_t lengths[2] = {2, 3}, other[2] = {3, 2};
    pt_array_t values[4] = {{.name = "label", .data = labels, .dtype = PT_INT32},
                            {.name = "weight", .data = weights, .lengths = lengths, .dtype = PT_FLOAT64},
                            {.name = "tokens", .data = tokens, .lengths = lengths, .dtype = PT_INT32},
                            {.name = "unused", .data = NULL, .dtype = PT_INT8}};
    ck_ok(pt__collector_create(context, requests, 3, limits, &collector));
#define TAKE(n, samples) pt__collector_take(collector, values, n, samples, &loaded)
    for (int i = 0; i < 3; i++) {
        ck_ok(TAKE(4, 2));
        ck_assert(loaded.rows.count[PT__DIMENSION_BATCH] == 2 && loaded.rows.count[PT__DIMENSION_TOKENS] == 5 &&
                  loaded.offsets[PT__DIMENSION_TOKENS][1] == 2 && loaded.offsets[PT__DIMENSION_TOKENS][2] == 5);
        ck_assert_ptr_eq(loaded.data[0], tokens); /* not copied */
        ck_assert_ptr_eq(loaded.data[2], labels);
        ck_assert(((const float *)loaded.data[1])[0] == 0.5F);
    }
    ck_ok(TAKE(4, 1));
    ck_assert(loaded.rows.count[PT__DIMENSION_BATCH] == 1 && loaded.rows.count[PT__DIMENSION_TOKENS] == 2);
    ck_fails(TAKE(2, 2), PT_ERR_SHAPE,
             "the network reads tokens int32[T], weight float32[T], label int32; the values given are label int32, "
             "weight float64");
    ck_fails(TAKE(0, 2), PT_ERR_SHAPE, "nothing");
    ck_fails(TAKE(4, 0), PT_ERR_ARGUMENT, "0 samples");
    ck_fails(TAKE(4, INT64_MAX), PT_ERR_ARGUMENT, "samples");
    values[3].name = "label";
    ck_fails(TAKE(4, 2), PT_ERR_ARGUMENT, "both named \"label\"");
    values[3].name = NULL;
    ck_fails(TAKE(4, 2), PT_ERR_ARGUMENT, "value 3 has no name");
    values[1].lengths = other;
    ck_fails(TAKE(3, 2), PT_ERR_SHAPE, "sample 0: field \"weight\" has 3 rows, \"tokens\" has 2");
    values[1].lengths = NULL;
    ck_fails(TAKE(3, 2), PT_ERR_ARGUMENT, "lengths is NULL");
    values[1].lengths = lengths;
    values[0].lengths = lengths;
    ck_fails(TAKE(3, 2), PT_ERR_ARGUMENT, "lengths is set");
    values[0].lengths = NULL;
    lengths[1] = 0;
    ck_fails(TAKE(3, 2), PT_ERR_SHAPE, "sample 1, field \"tokens\": 0 rows");
    lengths[1] = 4;
    ck_fails(TAKE(3, 2), PT_ERR_SHAPE, "4 rows, expected at most 3");
    lengths[1] = -5;
    ck_fails(TAKE(3, 2), PT_ERR_SHAPE, "-5 rows");
    lengths[1] = 3;
    tokens[3] = 10;
    ck_fails(TAKE(3, 2), PT_ERR_ARGUMENT, "sample 1: field \"tokens\": element 1 is 10, expected 0 to 9");
    tokens[3] = 3;
    labels[1] = 3;
    ck_fails(TAKE(3, 2), PT_ERR_ARGUMENT, "-100");
    labels[1] = 0;
    weights[4] = (double)NAN;
    ck_fails(TAKE(3, 2), PT_ERR_NONFINITE, "sample 1: field \"weight\"");
    weights[4] = 1;
    values[2].data = NULL;
    ck_fails(TAKE(3, 2), PT_ERR_ARGUMENT, "data is NULL");
    values[2].data = view_data((const char *)tokens + 1);
    ck_fails(TAKE(3, 2), PT_ERR_ARGUMENT, "aligned");
    values[2].data = tokens;
    values[2].dtype = 99;
    ck_fails(TAKE(3, 2), PT_ERR_ARGUMENT, "99");
    values[2].dtype = PT_INT32;
    ck_ok(TAKE(3, 2));
#undef TAKE
    pt__collector_free(collector);
    pt__collector_free(NULL);
    pt_context_free(context);
}
END_TEST

static pt_status_t take(failing_allocator_t *allocator)
{
    pt_context_t *context = NULL;
    pt__collector_t *collector = NULL;
    pt__loaded_t loaded;
    int64_t values[4] = {1, 2, 3, 4}, lengths[2] = {1, 3};
    pt_array_t value = {.name = "tokens", .data = values, .lengths = lengths, .dtype = PT_INT64};
    pt_status_t status = samples_failing_context(allocator, &context);
    if (status == PT_OK)
        status = pt__collector_create(context, requests, 1, (int64_t[PT__DIMENSIONS]){0}, &collector);
    if (status == PT_OK)
        status = pt__collector_take(collector, &value, 1, 2, &loaded);
    pt__collector_free(collector);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, status = take(&allocator), status);
}
END_TEST

START_TEST(test_two_ragged_dimensions)
{
    pt_context_t *context = samples_context();
    pt__collector_t *collector;
    pt__loaded_t loaded;
    const pt__request_t both[2] = {
        {.name = "frames", .dtype = PT_FLOAT32, .rank = 1, .dimension = 4, .shape = {PT_DIM_TOKENS}},
        {.name = "text", .dtype = PT_INT32, .rank = 1, .dimension = PT__DIMENSION_TOKENS, .shape = {PT_DIM_TOKENS}}};
    const int64_t limits[PT__DIMENSIONS] = {[4] = 3}, rows[2] = {3, 2}, frames[2] = {1, 3};
    const int32_t text[5] = {1, 2, 3, 4, 5};
    const float sound[4] = {1, 2, 3, 4};
    pt_array_t values[2] = {
        {.name = "text", .data = view_data(text), .lengths = view_data(rows), .dtype = PT_INT32},
        {.name = "frames", .data = view_data(sound), .lengths = view_data(frames), .dtype = PT_FLOAT32}};
    ck_ok(pt__collector_create(context, both, 2, limits, &collector));
    for (int i = 0; i < 2; i++) {
        ck_ok(pt__collector_take(collector, values, 2, 2, &loaded));
        ck_assert_int_eq(loaded.rows.count[PT__DIMENSION_TOKENS], 5);
        ck_assert_int_eq(loaded.rows.count[4], 4);
        ck_assert(loaded.offsets[PT__DIMENSION_TOKENS][1] == 3 && loaded.offsets[4][1] == 1);
    }
    values[1].lengths = view_data((const int64_t[2]){1, 4});
    ck_fails(pt__collector_take(collector, values, 2, 2, &loaded), PT_ERR_SHAPE,
             "sample 1, field \"frames\": 4 rows, expected at most 3");
    pt__collector_free(collector);
    pt_context_free(context);
}
END_TEST

SUITE("collector", 60, test_takes, test_two_ragged_dimensions, test_every_allocation_may_fail)
