/* Datasets of recordings, for hosts. What reads recordings and what encodes transcripts is handed to the source in
 * lib/data/ from here, as no layer at their height knows another. */
#include "api/api.h"
#include "api/audio_options.h"
#include "audio/recording.h"
#include "audio/sound.h"
#include "data/recording_set.h"
#include "data/sources.h"
#include "text/tokenizer.h"

static const pt_audio_options_t defaults = {.struct_size = (uint32_t)sizeof(pt_audio_options_t),
                                            .rate = 16000,
                                            .mel_bands = 80,
                                            .coefficients = 13,
                                            .window_seconds = 0.02,
                                            .step_seconds = 0.01,
                                            .floor = 1e-10,
                                            .most_samples = 1000000000,
                                            .speed_least = 1,
                                            .speed_most = 1,
                                            .noise_least = 10,
                                            .noise_most = 30,
                                            .time_mask_part = 1};

pt_status_t pt_audio_options_init(pt_audio_options_t *options, uint32_t struct_size)
{
    PT__ENTER();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_audio_options_t");
}

pt_status_t pt__audio_options_read(const pt_audio_options_t *options, pt_audio_options_t *out)
{
    *out = defaults;
    return pt__options_read(options, out, (uint32_t)sizeof *out, "pt_audio_options_t");
}

static pt_status_t begin(pt__memory_t *memory, const pt_audio_options_t *options, void **maker, int32_t *bins)
{
    pt__features_t *features;
    *maker = NULL;
    PT__TRY(pt__features_create(memory, options, &features));
    *maker = features;
    *bins = features->bins;
    return PT_OK;
}

static void end(void *maker)
{
    pt__features_free(maker);
}

static pt_status_t measure(const void *maker, const pt__clip_t *clip, double *seconds, int64_t *rows, int64_t *most)
{
    return pt__recording_measure(maker, clip, seconds, rows, most);
}

static pt_status_t probe(const void *maker, const pt__clip_t *clip)
{
    return pt__recording_probe(maker, clip);
}

static pt_status_t make(const void *maker, const pt__clip_t *clip, const pt__clip_t *noise, uint64_t key, int64_t most,
                        float *to, int64_t *rows)
{
    return pt__recording_make(maker, clip, noise, key, most, to, rows);
}

static int32_t named(const char *name)
{
    return (int32_t)pt__sound_named(name);
}

static pt_status_t create(const char *function, pt_context_t *context, const char *path,
                          const pt_audio_options_t *options, pt_dataset_t **out)
{
    static const pt__recording_calls_t calls = {.check = pt__recording_check,
                                                .begin = begin,
                                                .end = end,
                                                .measure = measure,
                                                .probe = probe,
                                                .make = make,
                                                .named = named,
                                                .encode = pt__tokenizer_encode_rows};
    pt_audio_options_t known;
    PT__NEED_IN(function, path);
    PT__TRY(pt__audio_options_read(options, &known));
    if (known.tokenizer != NULL && known.tokenizer->context != context)
        return pt__fail(PT_ERR_ARGUMENT, "pt_audio_options.tokenizer is of another context");
    return pt__recordings_create(context, path, &known, &calls, out);
}

pt_status_t pt_dataset_create_from_audio(pt_context_t *context, const char *path, const pt_audio_options_t *options,
                                         pt_dataset_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(context);
    return pt__context_keep(context, create(__func__, context, path, options, out));
}
