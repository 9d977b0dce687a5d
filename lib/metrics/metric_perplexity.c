/* perplexity: exp(loss), of how many equally likely tokens the model chooses where the loss is the cross-entropy of
 * the next one. */
#include <math.h>

#include "metrics/metrics.h"

static int64_t size(const int64_t *columns)
{
    (void)columns;
    return 1;
}

static void add(const pt__metric_source_t *sources, int64_t samples, double *sums)
{
    (void)sources;
    sums[0] += (double)samples;
}

static double finish(const double *sums, const int64_t *columns, double loss)
{
    (void)columns;
    return sums[0] > 0 ? exp(loss) : (double)NAN;
}

const pt__metric_kind_t pt__metric_perplexity = {
    .name = "perplexity", .direction = PT_METRIC_LOWER, .size = size, .add = add, .finish = finish};
