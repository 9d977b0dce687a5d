/* See resample.h. */
#include "audio/resample.h"

#include <math.h>
#include <string.h>

#ifdef PT__SOXR
#include <soxr.h>
#endif

int64_t pt__resampled(int64_t samples, double from, double to)
{
    return (int64_t)ceil((double)samples * to / from - 1e-9);
}

#ifdef PT__SOXR

enum { AT_ONCE = 16384 };

struct pt__resampler {
    pt__memory_t *memory;
    double from, to;
    soxr_t soxr;
    int64_t taken, given; /* samples */
};

pt_status_t pt__resampler_create(pt__memory_t *memory, double from, double to, pt__resampler_t **out)
{
    const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    const soxr_runtime_spec_t runtime = soxr_runtime_spec(1); /* of its threads none */
    pt__resampler_t *resampler;
    soxr_error_t error;
    *out = NULL;
    PT__TRY(pt__allocate(memory, 1, sizeof *resampler, "resampler", &resampler));
    *resampler = (pt__resampler_t){.memory = memory, .from = from, .to = to};
    resampler->soxr = soxr_create(from, to, 1, &error, &io, &quality, &runtime);
    if (error != NULL || resampler->soxr == NULL) {
        pt__fail(PT_ERR_MEMORY, "libsoxr cannot go from %g to %g Hz: %s", from, to,
                 error != NULL ? soxr_strerror(error) : "no memory");
        pt__resampler_free(resampler);
        return PT_ERR_MEMORY;
    }
    *out = resampler;
    return PT_OK;
}

void pt__resampler_free(pt__resampler_t *resampler)
{
    if (resampler == NULL)
        return;
    if (resampler->soxr != NULL)
        soxr_delete(resampler->soxr);
    pt__release(resampler->memory, resampler);
}

/* What comes of a piece of input, NULL at the end. */
static pt_status_t process(pt__resampler_t *resampler, const float *samples, size_t count, float **out, int64_t *used,
                           int64_t *capacity)
{
    size_t taken = 0, made;
    do {
        size_t took;
        PT__TRY(pt__grow(resampler->memory, out, capacity, *used + AT_ONCE, sizeof **out, "samples of a recording"));
        const soxr_error_t error = soxr_process(resampler->soxr, samples == NULL ? NULL : samples + taken,
                                                count - taken, &took, *out + *used, AT_ONCE, &made);
        if (error != NULL)
            return pt__fail(PT_ERR_MEMORY, "libsoxr: %s", soxr_strerror(error));
        taken += took;
        *used += (int64_t)made;
        resampler->given += (int64_t)made;
    } while (taken < count || made == AT_ONCE || (samples == NULL && made > 0));
    return PT_OK;
}

/* libsoxr rounds the whole length in its own way: the last sample is left out, or one more is none. */
static pt_status_t settle(pt__resampler_t *resampler, float **out, int64_t *used, int64_t *capacity)
{
    const int64_t whole = pt__resampled(resampler->taken, resampler->from, resampler->to);
    for (; resampler->given > whole && *used > 0; resampler->given--)
        --*used;
    for (; resampler->given < whole; resampler->given++) {
        PT__TRY(pt__grow(resampler->memory, out, capacity, *used + 1, sizeof **out, "samples of a recording"));
        (*out)[(*used)++] = 0;
    }
    return PT_OK;
}

pt_status_t pt__resampler_push(pt__resampler_t *resampler, const float *samples, int64_t count, int32_t is_last,
                               float **out, int64_t *used, int64_t *capacity)
{
    resampler->taken += count;
    if (count > 0)
        PT__TRY(process(resampler, samples, (size_t)count, out, used, capacity));
    if (!is_last)
        return PT_OK;
    PT__TRY(process(resampler, NULL, 0, out, used, capacity));
    return settle(resampler, out, used, capacity);
}

#else

pt_status_t pt__resampler_create(pt__memory_t *memory, double from, double to, pt__resampler_t **out)
{
    (void)memory;
    *out = NULL;
    return pt__fail(PT_ERR_UNSUPPORTED, "of %g Hz, expected %g: this build has no libsoxr, which changes rates", from,
                    to);
}

void pt__resampler_free(pt__resampler_t *resampler)
{
    (void)resampler;
}

/* No handle is ever made. */
pt_status_t pt__resampler_push(pt__resampler_t *resampler, const float *samples, int64_t count, int32_t is_last,
                               float **out, int64_t *used, int64_t *capacity)
{
    (void)resampler;
    (void)samples;
    (void)count;
    (void)is_last;
    (void)out;
    (void)used;
    (void)capacity;
    return PT_ERR_UNSUPPORTED;
}

#endif
