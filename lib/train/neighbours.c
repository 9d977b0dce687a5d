/* How well samples are told by the labels of their nearest neighbours: what features are worth before anything learns
 * from labels.                                                              (Wu 2018; with temperature, Caron 2021)
 *
 * Rows of the model's output are brought to length 1. A sample's neighbours are the reference samples of the largest
 * products with it, of equal ones the first; each votes for its class with exp(product / temperature), and the first
 * class of the most votes is the sample's. */
#include <math.h>
#include <string.h>

#include "base/unfinished.h"
#include "kernels/device.h"
#include "train/neighbours.h"

enum { AT_ONCE = 256 }; /* samples that are compared with all of the reference */

/* Samples with their features, on the host. */
typedef struct samples {
    int64_t count;
    float *rows;     /* [count, width] */
    int32_t *labels; /* [count] */
} samples_t;

typedef struct search { /* owned, since a host's callback may never return */
    pt__memory_t *memory;
    pt__device_t *device;
    int64_t width, classes;
    samples_t reference, asked;
    void *on_device; /* the reference's rows, then those of a part of the others, then products */
    float *products; /* [AT_ONCE, reference.count] */
    int64_t *nearest;
    double *votes; /* [classes] */
} search_t;

static void release_samples(pt__memory_t *memory, samples_t *samples)
{
    pt__release(memory, samples->rows);
    pt__release(memory, samples->labels);
}

static pt_status_t end_search(void *user)
{
    search_t *self = user;
    pt__memory_t *memory = self->memory;
    release_samples(memory, &self->reference);
    release_samples(memory, &self->asked);
    pt__device_release(self->device, self->on_device);
    pt__release(memory, self->products);
    pt__release(memory, self->nearest);
    pt__release(memory, self->votes);
    pt__release(memory, self);
    return PT_OK;
}

/* ---- Features and labels ---- */

static pt_status_t check_features(const pt_model_t *model, pt_tensor_t tensor)
{
    char found[96];
    const pt__tensor_t *features = pt__graph_tensor(model->graph, tensor);
    if (features->dtype != PT_FLOAT32 || features->shape.rank != 2 ||
        features->shape.dimension != PT__DIMENSION_BATCH || features->shape.size[0] != 1)
        return pt__fail(PT_ERR_SHAPE, "the output is %s, expected float32 [PT_DIM_BATCH, D]: a row a sample",
                        pt__shape_print(&features->shape, features->dtype, found, sizeof found));
    return PT_OK;
}

static pt_status_t check_labels(const pt_dataset_t *dataset, const char *which)
{
    const int32_t field = pt__dataset_find(dataset, "label");
    if (dataset->length < 1)
        return pt__fail(PT_ERR_ARGUMENT, "%s: %s, expected samples that can be counted", which,
                        dataset->length < 0 ? "a stream" : "it is empty");
    if (field < 0 || dataset->fields[field].dtype != PT_INT32 || dataset->fields[field].rank != 0)
        return pt__fail(PT_ERR_SHAPE, "%s: it has no field \"label\" of one int32 a sample", which);
    return PT_OK;
}

static void normalise(samples_t *samples, int64_t width)
{
    for (int64_t i = 0; i < samples->count; i++) {
        float *row = samples->rows + i * width;
        double squares = 0;
        for (int64_t j = 0; j < width; j++)
            squares += (double)row[j] * (double)row[j];
        const double factor = squares > 0 ? 1 / sqrt(squares) : 0;
        for (int64_t j = 0; j < width; j++)
            row[j] = (float)((double)row[j] * factor);
    }
}

/* A loader of what the features need, and of the labels as one field more. */
static pt_status_t open_pass(search_t *self, pt_model_t *model, pt_dataset_t *dataset, pt_tensor_t features,
                             int64_t batch, const pt__requests_t **requests, pt__loader_t **loader)
{
    const int64_t samples = batch < dataset->length ? batch : dataset->length;
    pt__loader_options_t options = {
        .batch = samples, .micro_batch = samples, .epochs = 1, .in_order = 1, .prefetch = 1};
    pt__request_t *wanted;
    memcpy(options.length_limit, model->graph->length_limit, sizeof options.length_limit);
    PT__TRY(pt__engine_requests(model, PT__MODE_OUTPUT, features, dataset, requests));
    const int32_t count = (*requests)->count;
    PT__TRY(pt__allocate(self->memory, (size_t)count + 1, sizeof *wanted, "wanted fields", &wanted));
    memcpy(wanted, (*requests)->list, (size_t)count * sizeof *wanted);
    wanted[count] = (pt__request_t){
        .name = "label", .dtype = PT_INT32, .dimension = PT__DIMENSION_BATCH, .index_ignore = INT32_MIN};
    pt_status_t status = pt__loader_create(dataset, wanted, count + 1, &options, NULL, loader);
    pt__release(self->memory, wanted);
    return status;
}

/* Features and labels in one pass: to make a sample twice may cost more than to compute its features. */
static pt_status_t read_all(search_t *self, pt_model_t *model, pt__loader_t *loader, pt_tensor_t features,
                            const pt__requests_t *requests, samples_t *samples)
{
    const pt__rows_t capacity = pt__loader_capacity(loader);
    pt__loaded_t loaded;
    pt_status_t status;
    PT__TRY(pt__plans_prepare(model, PT__MODE_OUTPUT, features, &capacity, NULL));
    for (int64_t first = 0; (status = pt__loader_next(loader, &loaded)) == PT_OK;) {
        const int64_t count = loaded.rows.count[PT__DIMENSION_BATCH];
        PT__TRY(pt__engine_run(model, PT__MODE_OUTPUT, requests, &loaded));
        PT__TRY(pt__engine_read(model, PT__MODE_OUTPUT, features, samples->rows + first * self->width));
        memcpy(samples->labels + first, loaded.data[requests->count], (size_t)count * sizeof *samples->labels);
        first += count;
        if (atomic_exchange(&model->cancelled, 0))
            return pt__fail(PT_ERR_CANCELLED, "cancelled after %lld samples", (long long)first);
    }
    return status == PT_END ? PT_OK : status;
}

static pt_status_t read_samples(search_t *self, pt_model_t *model, pt_dataset_t *dataset, const char *which,
                                pt_tensor_t features, int64_t batch, samples_t *samples)
{
    const pt__requests_t *requests;
    pt__loader_t *loader;
    PT__TRY(check_labels(dataset, which));
    const int64_t count = samples->count = dataset->length;
    PT__TRY(pt__allocate_uninitialised(self->memory, (size_t)count, (size_t)self->width * sizeof(float), "features",
                                       &samples->rows));
    PT__TRY(pt__allocate(self->memory, (size_t)count, sizeof(int32_t), "labels", &samples->labels));
    PT__TRY(open_pass(self, model, dataset, features, batch, &requests, &loader));
    pt__pass_begin(loader);
    pt_status_t status = read_all(self, model, loader, features, requests, samples);
    pt__pass_close(loader);
    if (status == PT_OK)
        normalise(samples, self->width);
    return status;
}

static int64_t count_names(const pt_dataset_t *dataset)
{
    return dataset->source->class_count == NULL ? 0 : dataset->source->class_count(dataset, "label");
}

/* The labels' numbers become the reference's, by their names where both have some; -1: a class that the reference does
 * not know. */
static void translate_labels(const pt_dataset_t *reference, const pt_dataset_t *asked, samples_t *samples)
{
    const int64_t known = count_names(reference), given = count_names(asked);
    if (known == 0 || given == 0)
        return;
    for (int64_t i = 0; i < samples->count; i++) {
        const char *name = asked->source->class_name(asked, "label", samples->labels[i]);
        int32_t place = -1;
        for (int64_t j = 0; name != NULL && j < known && place < 0; j++)
            place = strcmp(reference->source->class_name(reference, "label", j), name) == 0 ? (int32_t)j : -1;
        samples->labels[i] = place;
    }
}

static pt_status_t count_classes(search_t *self)
{
    for (int64_t i = 0; i < self->reference.count; i++) {
        const int32_t label = self->reference.labels[i];
        if (label < 0 || label == INT32_MAX)
            return pt__fail(PT_ERR_ARGUMENT, "reference: the label of sample %lld is %d, expected 0 or more",
                            (long long)i, (int)label);
        self->classes = label >= self->classes ? label + 1 : self->classes;
    }
    return pt__allocate(self->memory, (size_t)self->classes, sizeof(double), "votes", &self->votes);
}

/* ---- Neighbours -------------------------------------------------------------------------------------------------- */

/* The numbers of the `most` largest of a row, of equal ones the first first. */
static int64_t find_nearest(const float *products, int64_t count, int64_t most, int64_t *nearest)
{
    int64_t found = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t at = found;
        if (found == most && !(products[i] > products[nearest[most - 1]]))
            continue;
        at = found < most ? found++ : most - 1;
        for (; at > 0 && products[i] > products[nearest[at - 1]]; at--)
            nearest[at] = nearest[at - 1];
        nearest[at] = i;
    }
    return found;
}

static int32_t vote(search_t *self, const float *products, int64_t most, double temperature)
{
    const int64_t found = find_nearest(products, self->reference.count, most, self->nearest);
    int64_t best = 0;
    memset(self->votes, 0, (size_t)self->classes * sizeof *self->votes);
    for (int64_t i = 0; i < found; i++) {
        const int64_t one = self->nearest[i];
        /* relative to the nearest, so that nothing overflows */
        const double further = (double)products[one] - (double)products[self->nearest[0]];
        const double weight = temperature > 0 ? exp(further / temperature) : 1;
        self->votes[self->reference.labels[one]] += weight;
    }
    for (int64_t i = 1; i < self->classes; i++)
        best = self->votes[i] > self->votes[best] ? i : best;
    return (int32_t)best;
}

/* Products of `count` samples from `first` on with all of the reference. */
static pt_status_t multiply(search_t *self, int64_t first, int64_t count)
{
    pt__device_t *device = self->device;
    const int64_t width = self->width, references = self->reference.count;
    float *rows = self->on_device, *asked = rows + references * width, *products = asked + AT_ONCE * width;
    PT__TRY(pt__device_upload(device, asked, self->asked.rows + first * width, count * width * (int64_t)sizeof(float)));
    PT__TRY(pt__device_enter(device));
    device->kernels->gemm(device, &(pt__gemm_t){.m = count,
                                                .n = references,
                                                .k = width,
                                                .a = {.data = asked, .stride = width},
                                                .b = {.data = rows, .stride = width, .transposed = 1},
                                                .dst = products,
                                                .dst_stride = references});
    PT__TRY(pt__device_leave(device));
    return pt__device_download(device, self->products, products, count * references * (int64_t)sizeof(float));
}

static pt_status_t search(search_t *self, const pt_neighbour_options_t *options, pt_neighbour_result_t *result)
{
    const int64_t references = self->reference.count, width = self->width;
    const int64_t floats = references * width + AT_ONCE * (width + references);
    const int64_t most = options->neighbours < references ? options->neighbours : references;
    int64_t right = 0;
    PT__TRY(pt__device_allocate(self->device, floats * (int64_t)sizeof(float), "neighbours", &self->on_device));
    PT__TRY(pt__device_upload(self->device, self->on_device, self->reference.rows,
                              references * width * (int64_t)sizeof(float)));
    PT__TRY(pt__allocate_uninitialised(self->memory, (size_t)(AT_ONCE * references), sizeof(float), "neighbours",
                                       &self->products));
    PT__TRY(pt__allocate(self->memory, (size_t)most, sizeof(int64_t), "neighbours", &self->nearest));
    for (int64_t first = 0; first < self->asked.count; first += AT_ONCE) {
        const int64_t left = self->asked.count - first, count = left < AT_ONCE ? left : AT_ONCE;
        PT__TRY(multiply(self, first, count));
        for (int64_t i = 0; i < count; i++)
            right += vote(self, self->products + i * references, most, options->temperature) ==
                     self->asked.labels[first + i];
    }
    result->samples = self->asked.count;
    result->references = references;
    result->accuracy = (double)right / (double)self->asked.count;
    return PT_OK;
}

pt_status_t pt__evaluate_neighbours(pt_model_t *model, pt_tensor_t features, pt_dataset_t *reference,
                                    pt_dataset_t *asked, const pt_neighbour_options_t *options,
                                    pt_neighbour_result_t *result)
{
    search_t *self;
    pt_status_t status;
    PT__TRY(check_features(model, features));
    PT__TRY(pt__allocate(&model->context->memory, 1, sizeof *self, "neighbours", &self));
    *self = (search_t){.memory = &model->context->memory,
                       .device = model->context->device,
                       .width = pt__graph_tensor(model->graph, features)->shape.size[1]};
    pt__unfinished_push(end_search, self);
    PT__TRY_OUT(read_samples(self, model, reference, "reference", features, options->batch, &self->reference));
    PT__TRY_OUT(count_classes(self));
    PT__TRY_OUT(read_samples(self, model, asked, "dataset", features, options->batch, &self->asked));
    translate_labels(reference, asked, &self->asked);
    status = search(self, options, result);
out:
    pt__unfinished_pop();
    end_search(self);
    return status;
}
