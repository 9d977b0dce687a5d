/* Generation, for hosts: pt_generator_* and, for one prompt, pt_generate. */
#include "api/arguments.h"
#include "api/handle.h"
#include "base/array.h"
#include "base/number.h"
#include "base/text.h"
#include "base/unfinished.h"
#include "train/generation.h"

struct pt_generator {
    pt__generation_t generation; /* with a model of its own, which shares the other's tensors */
    int32_t free_when_idle;
};

pt_status_t pt_generate_options_init(pt_generate_options_t *options, uint32_t struct_size)
{
    static const pt_generate_options_t defaults = {.count = 64};
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_generate_options");
}

static pt_status_t read_options(const pt_generate_options_t *options, pt_generate_options_t *effective)
{
    PT__TRY(pt_generate_options_init(effective, (uint32_t)sizeof *effective));
    PT__TRY(pt__options_read(options, effective, (uint32_t)sizeof *effective, "pt_generate_options"));
    if ((effective->flags & ~(uint32_t)PT_GENERATE_RECOMPUTE) != 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_generate_options.flags is %u, expected PT_GENERATE_RECOMPUTE or 0",
                        (unsigned)effective->flags);
    PT__TRY(pt__check_range("pt_generate_options.count", effective->count, 0));
    if (effective->count > INT32_MAX / 2)
        return pt__fail(PT_ERR_ARGUMENT, "pt_generate_options.count is %lld, expected at most %d",
                        (long long)effective->count, INT32_MAX / 2);
    PT__TRY(pt__check_range("pt_generate_options.top_k", effective->top_k, 0));
    PT__TRY(pt__check_seconds("pt_generate_options.temperature", effective->temperature));
    if (!(effective->top_p >= 0 && effective->top_p <= 1))
        return pt__fail(PT_ERR_ARGUMENT, "pt_generate_options.top_p is %g, expected 0 to 1",
                        pt__number_shown(effective->top_p));
    if (!(effective->min_p >= 0 && effective->min_p <= 1))
        return pt__fail(PT_ERR_ARGUMENT, "pt_generate_options.min_p is %g, expected 0 to 1",
                        pt__number_shown(effective->min_p));
    PT__TRY(pt__check_seconds("pt_generate_options.repetition_penalty", effective->repetition_penalty));
    if (effective->reserved != 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_generate_options.reserved is %u, expected 0",
                        (unsigned)effective->reserved);
    return PT_OK;
}

/* A text's new tokens, or where `tokens` is NULL only how many. */
static pt_status_t give_tokens(const int32_t *tokens, int64_t made, const char *what, pt_array_t *to, uint32_t size)
{
    const pt_array_t all = {.dtype = PT_INT32,
                            .rank = 1,
                            .shape = {PT_DIM_TOKENS},
                            .max_length = made,
                            .data = (void *)(uintptr_t)tokens,
                            .elements = made,
                            .samples = 1};
    return pt__array_give(&all, what, to, size);
}

static pt_status_t generate_one(pt__generation_t *generation, const pt_array_t *prompt, pt_array_t *tokens,
                                uint32_t size)
{
    static const char what[] = "pt_generate: tokens";
    const int64_t count = generation->options.count;
    pt__receiver_t room;
    int64_t live = 1;
    PT__TRY(pt__receiver_open(tokens, size, what, &room));
    if (!pt__receiver_takes(&room, count, 1)) /* known before any work */
        return give_tokens(NULL, count, what, tokens, size);
    PT__TRY(pt__generation_begin(generation, prompt, size, "pt_generate: prompt"));
    if (generation->count != 1)
        return pt__fail(PT_ERR_ARGUMENT, "pt_generate: prompt: samples is %lld, expected 1",
                        (long long)generation->count);
    const pt__continued_t *text = &generation->texts[0];
    pt_status_t status = PT_OK;
    while (status == PT_OK && text->reason == 0)
        status = pt__generation_step(generation, NULL, NULL, &live);
    pt_status_t given = give_tokens(text->tokens + text->prompt, text->made, what, tokens, size);
    return status == PT_OK ? given : status;
}

static pt_status_t generate(pt_model_t *model, const pt_array_t *prompt, const pt_generate_options_t *options,
                            pt_array_t *tokens, uint32_t size)
{
    pt_generate_options_t effective;
    pt__generation_t generation;
    PT__TRY(read_options(options, &effective));
    PT__TRY(pt__generation_create(model, &effective, &generation));
    pt_status_t status = generate_one(&generation, prompt, tokens, size);
    pt__generation_release(&generation);
    return status;
}

pt_status_t pt_generate(pt_model_t *model, const pt_array_t *prompt, const pt_generate_options_t *options,
                        pt_array_t *tokens, uint32_t array_size)
{
    PT__TRY(pt__handle_begin_stage(model, "pt_generate"));
    return pt__handle_end_stage(model, generate(model, prompt, options, tokens, array_size));
}

/* ---- The handle ---- */

static pt_status_t create(pt_model_t *model, const pt_generate_options_t *options, pt_generator_t **out)
{
    pt__memory_t *memory = &model->context->memory;
    pt_generate_options_t effective;
    pt_generator_t *generator;
    pt_model_t *shared;
    if (out == NULL)
        return pt__handle_null("pt_generator_create", "out");
    PT__TRY(read_options(options, &effective));
    PT__TRY(pt__allocate(memory, 1, sizeof *generator, "generator", &generator));
    pt_status_t status = pt__model_share(model->context, model, &shared);
    if (status == PT_OK) {
        shared->generations = ++model->generations * ((int64_t)1 << 32); /* other draws than any other's */
        status = pt__generation_create(shared, &effective, &generator->generation);
        if (status != PT_OK)
            pt__model_free(shared);
    }
    if (status == PT_OK)
        *out = generator;
    else
        pt__release(memory, generator);
    return status;
}

pt_status_t pt_generator_create(pt_model_t *model, const pt_generate_options_t *options, pt_generator_t **out)
{
    if (out != NULL)
        *out = NULL;
    PT__TRY(pt__handle_enter(model, 1, "pt_generator_create"));
    return pt__handle_leave(model, create(model, options, out));
}

static void end(pt_generator_t *generator)
{
    pt_model_t *model = generator->generation.model;
    pt_context_t *context = pt__context_retain(model->context);
    pt__generation_release(&generator->generation);
    pt__model_free(model);
    pt__release(&context->memory, generator);
    pt__context_release(context);
}

void pt_generator_free(pt_generator_t *generator)
{
    if (generator == NULL)
        return;
    if (generator->generation.model->busy) /* from within its own callback */
        generator->free_when_idle = 1;
    else
        end(generator);
}

const char *pt_generator_last_error(const pt_generator_t *generator)
{
    return generator == NULL ? "" : generator->generation.model->message;
}

void pt_generator_cancel(pt_generator_t *generator)
{
    if (generator != NULL)
        pt_model_cancel(generator->generation.model);
}

static pt_status_t end_unfinished(void *object)
{
    pt_generator_t *generator = object;
    if (generator->free_when_idle)
        end(generator);
    return PT_OK;
}

/* Around a call that changes the generator. */
static pt_status_t enter(pt_generator_t *generator, const char *function)
{
    pt__error_clear();
    if (generator == NULL)
        return pt__handle_null(function, "generator");
    pt__unfinished_push(end_unfinished, generator);
    pt_status_t status = pt__handle_begin_stage(generator->generation.model, function);
    if (status != PT_OK)
        pt__unfinished_pop();
    return status;
}

static pt_status_t leave(pt_generator_t *generator, pt_status_t status)
{
    pt__handle_end_stage(generator->generation.model, status);
    pt__unfinished_pop();
    if (generator->free_when_idle)
        end(generator);
    return status;
}

pt_status_t pt_generator_begin(pt_generator_t *generator, const pt_array_t *prompts, uint32_t array_size)
{
    PT__TRY(enter(generator, "pt_generator_begin"));
    return leave(generator,
                 pt__generation_begin(&generator->generation, prompts, array_size, "pt_generator_begin: prompts"));
}

static pt_status_t check_begun(const pt_generator_t *generator, const char *function)
{
    return generator->generation.count > 0
               ? PT_OK
               : pt__fail(PT_ERR_STATE, "%s: there are no prompts: begin with pt_generator_begin", function);
}

static pt_status_t step(pt_generator_t *generator, int64_t *live)
{
    int64_t found = 0;
    PT__TRY(check_begun(generator, "pt_generator_step"));
    PT__TRY(pt__generation_step(&generator->generation, NULL, NULL, &found));
    if (live != NULL)
        *live = found;
    return PT_OK;
}

pt_status_t pt_generator_step(pt_generator_t *generator, int64_t *live)
{
    PT__TRY(enter(generator, "pt_generator_step"));
    return leave(generator, step(generator, live));
}

typedef struct listener {
    pt_token_fn token;
    void *user;
} listener_t;

static int32_t tell(void *user, const pt__generation_t *generation, int64_t index)
{
    const listener_t *listener = user;
    pt__continued_t *text = &generation->texts[index];
    pt_token_t token = {.struct_size = (uint32_t)sizeof token,
                        .action = PT_ACTION_STOP,
                        .prompt = index,
                        .position = text->made - 1,
                        .token = text->tokens[text->prompt + text->made - 1],
                        .reason = text->reason,
                        .score = (double)text->scores[text->made - 1]};
    if (text->text.tokenizer != NULL) {
        token.text = text->text.bytes + text->passed_on;
        token.text_length = text->text.told - text->passed_on;
        text->passed_on = text->text.told;
    }
    pt__pool_rest(generation->model->context->pool); /* the host's code may take long */
    listener->token(listener->user, &token);
    return token.action == PT_ACTION_GO_ON;
}

static pt_status_t run(pt_generator_t *generator, pt_token_fn token, void *user)
{
    listener_t listener = {.token = token, .user = user};
    int64_t live = 1;
    PT__TRY(check_begun(generator, "pt_generator_run"));
    while (live > 0)
        PT__TRY(pt__generation_step(&generator->generation, token == NULL ? NULL : tell, &listener, &live));
    return PT_OK;
}

pt_status_t pt_generator_run(pt_generator_t *generator, pt_token_fn token, void *user)
{
    PT__TRY(enter(generator, "pt_generator_run"));
    return leave(generator, run(generator, token, user));
}

static pt_status_t read_text(const pt_generator_t *generator, int64_t prompt, pt_array_t *tokens, pt_array_t *scores,
                             uint32_t size, int32_t *reason)
{
    const pt__generation_t *generation = &generator->generation;
    if (prompt < 0 || prompt >= generation->count)
        return pt__fail(PT_ERR_ARGUMENT, "pt_generator_text: prompt %lld, there are %lld", (long long)prompt,
                        (long long)generation->count);
    const pt__continued_t *text = &generation->texts[prompt];
    const pt_array_t all_scores = {.dtype = PT_FLOAT32,
                                   .rank = 1,
                                   .shape = {PT_DIM_TOKENS},
                                   .max_length = text->made,
                                   .data = text->scores,
                                   .elements = text->made,
                                   .samples = 1};
    if (reason != NULL)
        *reason = text->reason;
    /* both, so that each tells its need */
    pt_status_t of_scores = pt__array_give(&all_scores, "pt_generator_text: scores", scores, size);
    pt_status_t of_tokens = give_tokens(text->tokens + text->prompt, text->made, "pt_generator_text: tokens", tokens,
                                        size);
    return of_tokens == PT_OK ? of_scores : of_tokens;
}

pt_status_t pt_generator_text(const pt_generator_t *generator, int64_t prompt, pt_array_t *tokens, pt_array_t *scores,
                              uint32_t array_size, int32_t *reason)
{
    pt__error_clear();
    if (generator == NULL)
        return pt__handle_null("pt_generator_text", "generator");
    return pt__handle_leave(generator->generation.model,
                            read_text(generator, prompt, tokens, scores, array_size, reason));
}

static pt_status_t read_string(const pt__generation_t *generation, int64_t prompt, char *buffer, size_t size,
                               size_t *length)
{
    if (generation->tokenizer == NULL)
        return pt__fail(PT_ERR_STATE, "pt_generator_string: the options had no tokenizer");
    if (prompt < 0 || prompt >= generation->count)
        return pt__fail(PT_ERR_ARGUMENT, "pt_generator_string: prompt %lld, there are %lld", (long long)prompt,
                        (long long)generation->count);
    const pt__text_stream_t *stream = &generation->texts[prompt].text;
    pt__text_t text = pt__text_start(&generation->model->context->memory);
    if (stream->told > 0)
        pt__text_add_bytes(&text, stream->bytes, stream->told);
    return pt__text_give(&text, buffer, size, length);
}

pt_status_t pt_generator_string(pt_generator_t *generator, int64_t prompt, char *buffer, size_t size, size_t *length)
{
    pt__error_clear();
    if (generator == NULL)
        return pt__handle_null("pt_generator_string", "generator");
    return pt__handle_leave(generator->generation.model,
                            read_string(&generator->generation, prompt, buffer, size, length));
}

int64_t pt_generator_cache_bytes(const pt_generator_t *generator)
{
    return generator == NULL ? 0 : pt__cache_bytes(generator->generation.cache);
}
