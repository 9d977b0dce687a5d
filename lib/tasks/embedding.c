/* One vector a sample, for comparing texts: no labels and no loss.
 *
 *   embedding  [PT_DIM_BATCH, D]: the rows of "hidden" pooled as the options say, where asked for brought to length 1
 *
 * It adds no parameters. */
#include <math.h>

#include "base/options.h"
#include "tasks/head.h"
#include "tasks/tasks.h"

/* Below this length a vector stays shorter than 1, as in PyTorch's normalize. */
static const double SHORTEST = 1e-12;

pt_status_t pt_embedding_options_init(pt_embedding_options_t *options, uint32_t struct_size)
{
    static const pt_embedding_options_t defaults = {.pooling = PT_POOL_MEAN};
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_embedding_options");
}

static pt_status_t read_options(const void *options, pt__task_options_t *out, pt_array_t *per_output)
{
    (void)per_output;
    pt_embedding_options_t own;
    PT__TRY(pt_embedding_options_init(&own, (uint32_t)sizeof own));
    PT__TRY(pt__options_read(options, &own, (uint32_t)sizeof own, "pt_embedding_options"));
    if ((own.flags & ~(uint32_t)PT_EMBEDDING_NORMALIZE) != 0 || own.reserved != 0)
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_embedding_options: flags are 0x%lx and reserved is %d, expected "
                        "PT_EMBEDDING_NORMALIZE or 0, and 0",
                        (unsigned long)own.flags, (int)own.reserved);
    out->pooling = own.pooling;
    out->normalize = (own.flags & PT_EMBEDDING_NORMALIZE) != 0;
    return PT_OK;
}

static pt_status_t check(const pt__task_options_t *options)
{
    if (options->per_output != NULL || options->label_smoothing > 0 || options->dropout > 0 || options->outputs > 0)
        return pt__fail(PT_ERR_ARGUMENT,
                        "task embedding: it has neither outputs, class_weights, a label_smoothing nor a "
                        "dropout, but one is given");
    if (options->pooling == PT_POOL_FAMILY)
        return pt__fail(PT_ERR_ARGUMENT, "task embedding: pooling is PT_POOL_FAMILY, expected PT_POOL_MEAN, "
                                         "PT_POOL_FIRST, PT_POOL_LAST, PT_POOL_SUM or PT_POOL_MAX: it has no head");
    return PT_OK;
}

static pt_status_t build(const pt__task_options_t *options, pt_graph_t *graph)
{
    pt_tensor_t hidden;
    PT__TRY(pt__head_find_hidden(graph, "embedding", &hidden));
    const pt__shape_t shape = pt__graph_tensor(graph, hidden)->shape;
    if (pt__shape_is_ragged(&shape))
        hidden = pt_pool(graph, hidden, options->pooling);
    if (options->normalize) { /* x / sqrt(mean(x²)) has the length sqrt(D) */
        const double width = (double)shape.size[1];
        hidden = pt_rms_norm(graph, hidden, PT_NO_TENSOR, SHORTEST * SHORTEST / width);
        hidden = pt_scale(graph, hidden, 1 / sqrt(width));
    }
    pt_graph_set_output(graph, "embedding", hidden);
    return pt_graph_status(graph);
}

const pt__task_t pt__task_embedding = {.name = PT_TASK_EMBEDDING, .read = read_options, .check = check, .build = build};
