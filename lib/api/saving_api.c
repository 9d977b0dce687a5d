/* Opening, loading and saving models and checkpoints: what the options may say, and which place they name. */
#include "api/arguments.h"
#include "api/handle.h"

pt_status_t pt_load_options_init(pt_load_options_t *options, uint32_t struct_size)
{
    static const pt_load_options_t defaults = {0};
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_load_options");
}

pt_status_t pt_save_options_init(pt_save_options_t *options, uint32_t struct_size)
{
    static const pt_save_options_t defaults = {0};
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_save_options");
}

pt_status_t pt__read_load_options(const char *function, const char *path, const pt_load_options_t *options,
                                  uint32_t flags, int32_t may_name, pt_load_options_t *effective)
{
    PT__TRY(pt_load_options_init(effective, (uint32_t)sizeof *effective));
    PT__TRY(pt__options_read(options, effective, (uint32_t)sizeof *effective, "pt_load_options"));
    if (effective->flags & ~flags)
        return pt__fail(PT_ERR_ARGUMENT, "%s: pt_load_options.flags is %u, expected no others than %u", function,
                        (unsigned)effective->flags, (unsigned)flags);
    if (effective->names != NULL && !may_name)
        return pt__fail(PT_ERR_ARGUMENT, "%s: pt_load_options.names is \"%.200s\", expected NULL: it takes all",
                        function, effective->names);
    const int32_t places = (path != NULL) + (effective->data != NULL) + (effective->read != NULL);
    if (places == 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: path is NULL, and so are pt_load_options.data and read", function);
    if (places > 1)
        return pt__fail(PT_ERR_ARGUMENT, "%s: expected one of path, pt_load_options.data and read, found %d", function,
                        (int)places);
    if (path == NULL)
        PT__TRY(pt__check_range("pt_load_options.bytes", effective->bytes, 0));
    else if (effective->bytes != 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: pt_load_options.bytes is %lld, expected 0 with a path", function,
                        (long long)effective->bytes);
    if (effective->read != NULL && (effective->flags & PT_LOAD_MAPPED))
        return pt__fail(PT_ERR_ARGUMENT, "%s: PT_LOAD_MAPPED needs a path or pt_load_options.data, not read", function);
    return PT_OK;
}

static pt_status_t check_place(const char *function, const char *path, const pt_save_options_t *effective)
{
    const int32_t places = (path != NULL) + (effective->data != NULL) + (effective->write != NULL);
    if (places == 0 && effective->bytes == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "%s: path is NULL, and so are pt_save_options.data, write and bytes",
                        function);
    if (places > 1)
        return pt__fail(PT_ERR_ARGUMENT, "%s: expected one of path, pt_save_options.data and write, found %d", function,
                        (int)places);
    if (effective->capacity < 0 || (effective->capacity > 0 && effective->data == NULL))
        return pt__fail(PT_ERR_ARGUMENT, "%s: pt_save_options.capacity is %lld, expected %s", function,
                        (long long)effective->capacity, effective->data == NULL ? "0 without data" : "at least 0");
    if (effective->shard_bytes < 0 || (effective->shard_bytes > 0 && path == NULL))
        return pt__fail(PT_ERR_ARGUMENT, "%s: pt_save_options.shard_bytes is %lld, expected %s", function,
                        (long long)effective->shard_bytes, path == NULL ? "0 without a path" : "at least 0");
    return PT_OK;
}

/* A directory is several files, and whole. */
static pt_status_t check_format(const char *function, const char *path, const pt_save_options_t *effective,
                                int32_t last)
{
    if (effective->format < 0 || effective->format > last)
        return pt__fail(PT_ERR_ARGUMENT, "%s: pt_save_options.format is %d, expected %s", function,
                        (int)effective->format, last > 0 ? "one of PT_FORMAT_..." : "0");
    if (effective->format == PT_FORMAT_SAFETENSORS)
        return PT_OK;
    if (effective->format == PT_FORMAT_GGUF_Q8_0 && effective->dtype != 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: pt_save_options.dtype is %d, expected 0 with PT_FORMAT_GGUF_Q8_0",
                        function, (int)effective->dtype);
    if (effective->format == PT_FORMAT_DIRECTORY && (path == NULL || effective->bytes != NULL))
        return pt__fail(PT_ERR_ARGUMENT, "%s: PT_FORMAT_DIRECTORY needs a path, and counts no bytes", function);
    if (effective->names != NULL || effective->flags != 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: pt_save_options.%s is set, but this format has all tensors", function,
                        effective->names != NULL ? "names" : "flags");
    return PT_OK;
}

pt_status_t pt__read_save_options(const char *function, const char *path, const pt_save_options_t *options,
                                  uint32_t flags, int32_t last_format, pt_save_options_t *effective)
{
    PT__TRY(pt_save_options_init(effective, (uint32_t)sizeof *effective));
    PT__TRY(pt__options_read(options, effective, (uint32_t)sizeof *effective, "pt_save_options"));
    if (effective->flags & ~flags)
        return pt__fail(PT_ERR_ARGUMENT, "%s: pt_save_options.flags is %u, expected %s0", function,
                        (unsigned)effective->flags, flags == PT_SAVE_TRAINED_ONLY ? "PT_SAVE_TRAINED_ONLY or " : "");
    PT__TRY(check_format(function, path, effective, last_format));
    if (effective->dtype != 0 && effective->dtype != PT_FLOAT32 && effective->dtype != PT_FLOAT16 &&
        effective->dtype != PT_BFLOAT16)
        return pt__fail(PT_ERR_ARGUMENT,
                        "%s: pt_save_options.dtype is %d, expected PT_FLOAT32, PT_FLOAT16, PT_BFLOAT16 or 0", function,
                        (int)effective->dtype);
    return check_place(function, path, effective);
}

static pt_status_t open_model(pt_context_t *context, const char *path, const pt_load_options_t *options,
                              pt_model_t **out)
{
    pt_load_options_t effective;
    PT__TRY(pt__read_load_options("pt_model_open", path, options, PT_LOAD_MAPPED, 0, &effective));
    PT__TRY(pt__model_open(context, path, &effective, out));
    pt__error_clear(); /* what a callback's own calls left */
    return PT_OK;
}

pt_status_t pt_model_open(pt_context_t *context, const char *path, const pt_load_options_t *options, pt_model_t **out)
{
    pt__error_clear();
    if (out == NULL)
        return pt__handle_null("pt_model_open", "out");
    *out = NULL;
    if (context == NULL)
        return pt__handle_null("pt_model_open", "context");
    return pt__context_keep(context, open_model(context, path, options, out));
}

static pt_status_t load(pt_model_t *model, const char *path, const pt_load_options_t *options)
{
    pt_load_options_t effective;
    PT__TRY(pt__read_load_options("pt_model_load", path, options, PT_LOAD_STRICT | PT_LOAD_MAPPED, 1, &effective));
    return pt__weights_load(model, path, &effective);
}

pt_status_t pt_model_load(pt_model_t *model, const char *path, const pt_load_options_t *options)
{
    PT__TRY(pt__handle_begin_stage(model, "pt_model_load"));
    return pt__handle_end_stage(model, load(model, path, options));
}

static pt_status_t save(pt_model_t *model, const char *path, const pt_save_options_t *options)
{
    pt_save_options_t effective;
    PT__TRY(
        pt__read_save_options("pt_model_save", path, options, PT_SAVE_TRAINED_ONLY, PT_FORMAT_GGUF_Q8_0, &effective));
    return pt__model_save(model, path, &effective);
}

pt_status_t pt_model_save(const pt_model_t *model, const char *path, const pt_save_options_t *options)
{
    int32_t before;
    PT__TRY(pt__handle_begin_output(model, "pt_model_save", &before));
    return pt__handle_end_output(model, before, save((pt_model_t *)(uintptr_t)model, path, options));
}

static pt_status_t save_checkpoint(pt_model_t *model, const pt_optimizer_t *optimizer, const char *path,
                                   const pt_save_options_t *options)
{
    pt_save_options_t effective;
    PT__TRY(pt__read_save_options("pt_checkpoint_save", path, options, PT_SAVE_TRAINED_ONLY, 0, &effective));
    if (effective.dtype != 0 || effective.names != NULL || effective.shard_bytes != 0)
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_checkpoint_save: pt_save_options.%s is set, but a checkpoint has all bits "
                        "of all tensors in one file",
                        effective.dtype != 0      ? "dtype"
                        : effective.names != NULL ? "names"
                                                  : "shard_bytes");
    if (optimizer != NULL) {
        PT__TRY(pt__check_context(model, pt__optimizer_context(optimizer), "pt_checkpoint_save", "optimizer"));
        /* An optimizer that has not stepped on this model yet has no slots: binding makes them, all zero. */
        PT__TRY(pt__model_bind_optimizer(model, (pt_optimizer_t *)(uintptr_t)optimizer));
    }
    return pt__checkpoint_write(model, optimizer, NULL, path, &effective);
}

pt_status_t pt_checkpoint_save(const pt_model_t *model, const pt_optimizer_t *optimizer, const char *path,
                               const pt_save_options_t *options)
{
    int32_t before;
    PT__TRY(pt__handle_begin_output(model, "pt_checkpoint_save", &before));
    return pt__handle_end_output(model, before,
                                 save_checkpoint((pt_model_t *)(uintptr_t)model, optimizer, path, options));
}

static pt_status_t load_checkpoint(pt_model_t *model, pt_optimizer_t *optimizer, const char *path,
                                   const pt_load_options_t *options)
{
    pt_load_options_t effective;
    PT__TRY(pt__read_load_options("pt_checkpoint_load", path, options, 0, 0, &effective));
    if (optimizer != NULL)
        PT__TRY(pt__check_context(model, pt__optimizer_context(optimizer), "pt_checkpoint_load", "optimizer"));
    return pt__checkpoint_read(model, optimizer, NULL, path, &effective);
}

pt_status_t pt_checkpoint_load(pt_model_t *model, pt_optimizer_t *optimizer, const char *path,
                               const pt_load_options_t *options)
{
    PT__TRY(pt__handle_begin_stage(model, "pt_checkpoint_load"));
    return pt__handle_end_stage(model, load_checkpoint(model, optimizer, path, options));
}
