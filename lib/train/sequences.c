/* See sequences.h. */
#include "train/sequences.h"

#include "base/array.h"
#include "base/dtype.h"
#include "data/data.h"

static const int64_t ragged[] = {PT_DIM_TOKENS};

/* The length that all sequences of a view without lengths have; its elements are stated. */
static int64_t length_of_each(const pt_array_t *view, pt__unsplit_t unsplit)
{
    if (view->rank == 1 && view->shape[0] != PT_DIM_TOKENS)
        return view->shape[0];
    return unsplit == PT__ONE_EACH ? 1 : view->elements;
}

/* Whether elements and shape go with the lengths, and how many sequences there are. */
static pt_status_t count_sequences(const pt_array_t *view, const char *what, pt__unsplit_t unsplit, int64_t *count)
{
    const char *number = view->lengths != NULL ? "samples" : "elements";
    const int32_t is_fixed = view->lengths == NULL && view->rank == 1 && view->shape[0] != PT_DIM_TOKENS;
    *count = view->lengths != NULL ? view->samples : view->elements;
    if (*count < 1 || *count > INT32_MAX)
        return pt__fail(PT_ERR_ARGUMENT, "%s: %s is %lld, expected 1 to %d", what, number, (long long)*count,
                        INT32_MAX);
    if (!is_fixed)
        PT__TRY(pt__array_expect(view, what, 1, ragged, view->elements));
    if (view->lengths != NULL)
        return PT_OK;
    const int64_t each = length_of_each(view, unsplit);
    if (each < 1 || view->elements % each != 0)
        return pt__fail(PT_ERR_SHAPE, "%s: elements is %lld, expected a multiple of shape[0], which is %lld", what,
                        (long long)view->elements, (long long)each);
    *count = view->elements / each;
    return PT_OK;
}

static pt_status_t copy_lengths(const pt_array_t *view, const char *what, pt__unsplit_t unsplit,
                                pt__sequences_t *sequences, int64_t *tokens)
{
    *tokens = 0;
    for (int64_t i = 0; i < sequences->count; i++) {
        const int64_t length = view->lengths == NULL ? length_of_each(view, unsplit) : view->lengths[i];
        if (length < 1 || length > INT32_MAX / 2)
            return pt__fail(PT_ERR_ARGUMENT, "%s: lengths[%lld] is %lld, expected 1 to %d", what, (long long)i,
                            (long long)length, INT32_MAX / 2);
        sequences->lengths[i] = length;
        *tokens += length;
    }
    return pt__array_expect(view, what, view->rank, view->shape, *tokens);
}

pt_status_t pt__sequences_read(pt__memory_t *memory, const pt_array_t *given, uint32_t size, const char *what,
                               pt__unsplit_t unsplit, int64_t limit, pt__sequences_t *out)
{
    pt_array_t view;
    pt_status_t status;
    int64_t tokens;
    *out = (pt__sequences_t){0};
    PT__TRY(pt__array_read(given, size, what, &view));
    PT__TRY(count_sequences(&view, what, unsplit, &out->count));
    PT__TRY_OUT(pt__allocate(memory, (size_t)out->count, sizeof *out->lengths, "lengths of sequences", &out->lengths));
    PT__TRY_OUT(copy_lengths(&view, what, unsplit, out, &tokens));
    PT__TRY_OUT(pt__allocate(memory, (size_t)tokens, sizeof *out->tokens, "tokens of sequences", &out->tokens));
    PT__TRY_OUT(pt__dtype_convert(what, view.dtype, view.data, PT_INT32, out->tokens, tokens));
    PT__TRY_OUT(pt__check_index(what, 0, out->tokens, tokens, limit, INT32_MIN));
    return PT_OK;
out:
    pt__sequences_release(memory, out);
    return status;
}

void pt__sequences_release(pt__memory_t *memory, pt__sequences_t *sequences)
{
    pt__release(memory, sequences->tokens);
    pt__release(memory, sequences->lengths);
    *sequences = (pt__sequences_t){0};
}
