/* Views of numbers that a host hands over, and those that it takes results out with: see array.h. Behind every public
 * function with a pt_array_t. */
#include "base/array.h"

#include <string.h>

#include "base/dtype.h"

pt_status_t pt__array_read(const pt_array_t *given, uint32_t size, const char *what, pt_array_t *out)
{
    if (given == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "%s is NULL", what);
    PT__TRY(pt__element_read(given, size, out, (uint32_t)sizeof *out, what));
    if (out->data == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "%s: data is NULL", what);
    if (pt__dtype_size(out->dtype) == 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: dtype is %ld, expected one of PT_FLOAT32 to PT_BOOL", what,
                        (long)out->dtype);
    if (out->rank < 0 || out->rank > PT_MAX_RANK)
        return pt__fail(PT_ERR_SHAPE, "%s: rank %ld, expected 0 to %d", what, (long)out->rank, PT_MAX_RANK);
    return PT_OK;
}

pt_status_t pt__array_expect(const pt_array_t *array, const char *what, int32_t rank, const int64_t *shape,
                             int64_t elements)
{
    char found[PT__SHAPE_TEXT], expected[PT__SHAPE_TEXT];
    if (array->elements != 0 && array->elements != elements)
        return pt__fail(PT_ERR_SHAPE, "%s: elements is %lld, expected %lld", what, (long long)array->elements,
                        (long long)elements);
    if (array->rank != 0 && (array->rank != rank || memcmp(array->shape, shape, (size_t)rank * sizeof *shape) != 0))
        return pt__fail(PT_ERR_SHAPE, "%s: shape %s, expected %s", what,
                        pt__sizes_print(array->rank, array->shape, found, sizeof found),
                        pt__sizes_print(rank, shape, expected, sizeof expected));
    return PT_OK;
}

pt_status_t pt__array_expect_stated(const pt_array_t *array, const char *what, int32_t rank, const int64_t *shape,
                                    int64_t elements)
{
    if (array->elements == 0 && array->rank == 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: elements is 0, expected %lld, or a shape", what, (long long)elements);
    return pt__array_expect(array, what, rank, shape, elements);
}

pt_status_t pt__array_convert(pt__memory_t *memory, const pt_array_t *array, const char *what, int32_t dtype,
                              int64_t elements, const void **values, void **copy)
{
    *values = array->data;
    *copy = NULL;
    if (array->dtype == dtype && (uintptr_t)array->data % (uintptr_t)pt__dtype_size(dtype) == 0)
        return PT_OK;
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)elements, (size_t)pt__dtype_size(dtype), what, copy));
    *values = *copy;
    return pt__dtype_convert(what, array->dtype, array->data, dtype, *copy, elements);
}

pt_status_t pt__receiver_open(const pt_array_t *given, uint32_t size, const char *what, pt__receiver_t *receiver)
{
    *receiver = (pt__receiver_t){.what = what};
    if (given == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "%s is NULL", what);
    PT__TRY(pt__element_read(given, size, &receiver->view, (uint32_t)sizeof receiver->view, what));
    const pt_array_t *view = &receiver->view;
    if (view->dtype != 0 && pt__dtype_size(view->dtype) == 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: dtype is %ld, expected 0 or one of PT_FLOAT32 to PT_BOOL", what,
                        (long)view->dtype);
    if (view->capacity < 0 || view->lengths_capacity < 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: capacity is %lld and lengths_capacity %lld, expected at least 0", what,
                        (long long)view->capacity, (long long)view->lengths_capacity);
    if ((view->data == NULL) != (view->capacity == 0))
        return pt__fail(PT_ERR_ARGUMENT, "%s: data is %sNULL, but capacity is %lld", what,
                        view->data == NULL ? "" : "not ", (long long)view->capacity);
    if (view->lengths == NULL && view->lengths_capacity != 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: lengths is NULL, but lengths_capacity is %lld", what,
                        (long long)view->lengths_capacity);
    receiver->asks = view->data == NULL;
    receiver->view.elements = receiver->view.samples = 0;
    return PT_OK;
}

void pt__receiver_describe(pt__receiver_t *receiver, int32_t dtype, int32_t rank, const int64_t *shape,
                           int64_t max_length)
{
    pt_array_t *view = &receiver->view;
    receiver->dtype = dtype;
    if (view->dtype == 0)
        view->dtype = dtype;
    view->rank = rank;
    memset(view->shape, 0, sizeof view->shape);
    if (rank > 0)
        memcpy(view->shape, shape, (size_t)rank * sizeof *shape);
    view->max_length = max_length;
}

static int32_t has_room(const pt__receiver_t *receiver, int64_t elements, int64_t samples)
{
    const pt_array_t *view = &receiver->view;
    return (receiver->asks || elements <= view->capacity - view->elements) &&
           (view->lengths == NULL || samples <= view->lengths_capacity - view->samples);
}

int32_t pt__receiver_takes(pt__receiver_t *receiver, int64_t elements, int64_t samples)
{
    if (!has_room(receiver, elements, samples))
        receiver->is_short = 1;
    return !receiver->asks && !receiver->is_short;
}

void *pt__receiver_place(const pt__receiver_t *receiver)
{
    const pt_array_t *view = &receiver->view;
    return view->dtype == receiver->dtype ? (char *)view->data + view->elements * pt__dtype_size(view->dtype) : NULL;
}

pt_status_t pt__receiver_put(const pt__receiver_t *receiver, const void *values, int64_t elements)
{
    const pt_array_t *view = &receiver->view;
    const int64_t size = pt__dtype_size(view->dtype);
    char *place = (char *)view->data + view->elements * size;
    if (values == place)
        return PT_OK;
    if (view->dtype != receiver->dtype)
        return pt__dtype_convert(receiver->what, receiver->dtype, values, view->dtype, place, elements);
    memcpy(place, values, (size_t)(elements * size));
    return PT_OK;
}

int64_t *pt__receiver_lengths(const pt__receiver_t *receiver)
{
    const pt_array_t *view = &receiver->view;
    return view->lengths == NULL || receiver->is_short ? NULL : view->lengths + view->samples;
}

void pt__receiver_count(pt__receiver_t *receiver, int64_t elements, int64_t samples)
{
    receiver->view.elements += elements;
    receiver->view.samples += samples;
}

pt_status_t pt__receiver_finish(const pt__receiver_t *receiver)
{
    const pt_array_t *view = &receiver->view;
    if (!receiver->is_short)
        return PT_OK;
    if (!receiver->asks && view->elements > view->capacity)
        return pt__fail(PT_ERR_ARGUMENT, "%s: data has room for %lld elements, expected %lld in all", receiver->what,
                        (long long)view->capacity, (long long)view->elements);
    return pt__fail(PT_ERR_ARGUMENT, "%s: lengths has room for %lld samples, expected %lld in all", receiver->what,
                    (long long)view->lengths_capacity, (long long)view->samples);
}

pt_status_t pt__receiver_close(const pt__receiver_t *receiver, pt_array_t *given, uint32_t size, pt_status_t status)
{
    pt_status_t written = pt__element_write(given, size, &receiver->view, (uint32_t)sizeof receiver->view,
                                            receiver->what);
    return status == PT_OK ? written : status;
}

pt_status_t pt__array_give(const pt_array_t *values, const char *what, pt_array_t *given, uint32_t size)
{
    pt__receiver_t receiver;
    pt_status_t status = PT_OK;
    if (given == NULL)
        return PT_OK;
    PT__TRY(pt__receiver_open(given, size, what, &receiver));
    pt__receiver_describe(&receiver, values->dtype, values->rank, values->shape, values->max_length);
    if (pt__receiver_takes(&receiver, values->elements, values->samples)) {
        int64_t *length = values->samples > 0 ? pt__receiver_lengths(&receiver) : NULL;
        if (length != NULL)
            *length = values->max_length;
        if (values->elements > 0)
            status = pt__receiver_put(&receiver, values->data, values->elements);
    }
    pt__receiver_count(&receiver, values->elements, values->samples);
    if (status == PT_OK)
        status = pt__receiver_finish(&receiver);
    return pt__receiver_close(&receiver, given, size, status);
}
