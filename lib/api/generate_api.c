/* Generation, for hosts: pt_generate. */
#include "api/arguments.h"
#include "api/handle.h"

pt_status_t pt_generate_options_init(pt_generate_options_t *options, uint32_t struct_size)
{
    static const pt_generate_options_t defaults = {.count = 64, .stop_token = -1};
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_generate_options");
}

static pt_status_t check_generation(const pt_generate_options_t *options)
{
    if (options->flags != 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_generate_options.flags is %u, expected 0", (unsigned)options->flags);
    PT__TRY(pt__check_range("pt_generate_options.count", options->count, 0));
    PT__TRY(pt__check_range("pt_generate_options.top_k", options->top_k, 0));
    PT__TRY(pt__check_seconds("pt_generate_options.temperature", options->temperature));
    if (!(options->top_p >= 0 && options->top_p <= 1))
        return pt__fail(PT_ERR_ARGUMENT, "pt_generate_options.top_p is %g, expected 0 to 1", options->top_p);
    return PT_OK;
}

static pt_status_t generate(pt_model_t *model, const int32_t *prompt, int64_t prompt_length,
                            const pt_generate_options_t *options, int32_t *tokens, int64_t capacity, int64_t *count)
{
    pt_generate_options_t settled;
    if (prompt == NULL || tokens == NULL || count == NULL)
        return pt__handle_null("pt_generate", prompt == NULL ? "prompt" : tokens == NULL ? "tokens" : "count");
    *count = 0;
    if (prompt_length < 1 || prompt_length > INT32_MAX / 2 || capacity < 0 || capacity > INT32_MAX / 2)
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_generate: prompt_length is %lld and capacity %lld, expected at least 1 and 0",
                        (long long)prompt_length, (long long)capacity);
    PT__TRY(pt_generate_options_init(&settled, (uint32_t)sizeof settled));
    PT__TRY(pt__options_read(options, &settled, (uint32_t)sizeof settled, "pt_generate_options"));
    PT__TRY(check_generation(&settled));
    return pt__generate(model, prompt, prompt_length, &settled, tokens, capacity, count);
}

pt_status_t pt_generate(pt_model_t *model, const int32_t *prompt, int64_t prompt_length,
                        const pt_generate_options_t *options, int32_t *tokens, int64_t capacity, int64_t *count)
{
    PT__TRY(pt__handle_begin_stage(model, "pt_generate"));
    return pt__handle_end_stage(model, generate(model, prompt, prompt_length, options, tokens, capacity, count));
}
