/* Rotary positions as Hugging Face's configurations state them. "rope_parameters", or in older files "rope_scaling"
 * beside "rope_theta", has a "rope_type" (older: "type"); with d the width of a head, plane i has the frequency
 * f = rope_theta^(-2i/d), and then, of the type
 *
 *   linear     f / factor
 *   dynamic    f, but of samples longer than max_position_embeddings those of a larger base (pt_rotary's
 *              dynamic_factor), each by its own length, up to factor times max_position_embeddings
 *   llama3     f / factor where a turn takes more than original / low_freq_factor positions, f where it takes fewer
 *              than original / high_freq_factor, and in between a mean of both
 *   yarn       a mean of f and f / factor: f up to the plane that makes beta_fast turns in the original positions,
 *              f / factor from that on that makes beta_slow; results times attention_factor   (Peng 2023)
 *   longrope   f / short_factor[i], in samples longer than the original positions f / long_factor[i]; results times
 *              attention_factor                                                               (Ding 2024)
 *
 * original: original_max_position_embeddings, or else max_position_embeddings. Lengths and formulas are those of the
 * transformers library, where one sample at a time is run. */
#include "models/rotary_config.h"

#include <math.h>
#include <string.h>

#include "models/config.h"

#include "models/models.h"

static const double TURN = 6.283185307179586; /* radians */

typedef struct reading {
    const pt__json_t *rope; /* the object; NULL: there is none */
    int64_t planes, positions, original;
    double base, factor;
    pt__rotary_config_t *out;
} reading_t;

static double frequency(const reading_t *self, int64_t plane)
{
    return pow(self->base, -(double)plane / (double)self->planes);
}

static pt_status_t read_factor(reading_t *self, int32_t need)
{
    return pt__json_get_number(self->rope, "factor", need, 1.0, 1e6, &self->factor);
}

static pt_status_t read_plain(reading_t *self)
{
    (void)self;
    return PT_OK;
}

static pt_status_t read_linear(reading_t *self)
{
    PT__TRY(read_factor(self, PT__JSON_REQUIRED));
    for (int64_t i = 0; i < self->planes; i++)
        self->out->frequencies[i] = frequency(self, i) / self->factor;
    self->out->has_frequencies = 1;
    return PT_OK;
}

static pt_status_t read_dynamic(reading_t *self)
{
    PT__TRY(read_factor(self, PT__JSON_REQUIRED));
    double limit = self->factor * (double)self->positions;
    self->out->options.dynamic_factor = self->factor;
    self->out->options.original_limit = self->positions;
    self->out->options.limit = limit < PT__LONGEST ? (int64_t)limit : PT__LONGEST;
    return PT_OK;
}

static pt_status_t read_llama3(reading_t *self)
{
    double low = 0, high = 0;
    PT__TRY(read_factor(self, PT__JSON_REQUIRED));
    PT__TRY(pt__json_get_number(self->rope, "low_freq_factor", PT__JSON_REQUIRED, 1e-6, 1e6, &low));
    PT__TRY(pt__json_get_number(self->rope, "high_freq_factor", PT__JSON_REQUIRED, 1e-6, 1e6, &high));
    if (high <= low)
        return pt__json_fail(pt__json_find(self->rope, "high_freq_factor"), PT_ERR_FORMAT,
                             "expected more than low_freq_factor, which is %g, found %g", low, high);
    for (int64_t i = 0; i < self->planes; i++) {
        double plain = frequency(self, i), turns = (double)self->original * plain / TURN;
        double share = (turns - low) / (high - low); /* of the frequency as it is */
        share = share < 0 ? 0 : share > 1 ? 1 : share;
        self->out->frequencies[i] = (1 - share) * plain / self->factor + share * plain;
    }
    self->out->has_frequencies = 1;
    return PT_OK;
}

/* The plane, as a fraction of all, that makes so many turns in the original positions. */
static double plane_of_turns(const reading_t *self, double turns)
{
    return (double)self->planes * log((double)self->original / (turns * TURN)) / log(self->base);
}

static double magnitude(double factor, double weight)
{
    return factor <= 1 ? 1 : 0.1 * weight * log(factor) + 1;
}

static pt_status_t read_attention_factor(const reading_t *self, double otherwise)
{
    self->out->options.scale = otherwise;
    return pt__json_get_number(self->rope, "attention_factor", PT__JSON_OPTIONAL, 1e-6, 1e6, &self->out->options.scale);
}

static pt_status_t read_yarn(reading_t *self)
{
    double fast = 32, slow = 1, weight = 0, weight_of_all = 0;
    int32_t truncate = 1;
    self->factor = (double)self->positions / (double)self->original;
    PT__TRY(read_factor(self, PT__JSON_OPTIONAL));
    PT__TRY(pt__json_get_number(self->rope, "beta_fast", PT__JSON_OPTIONAL, 1e-6, 1e6, &fast));
    PT__TRY(pt__json_get_number(self->rope, "beta_slow", PT__JSON_OPTIONAL, 1e-6, 1e6, &slow));
    PT__TRY(pt__json_get_number(self->rope, "mscale", PT__JSON_OPTIONAL, 0, 1e6, &weight));
    PT__TRY(pt__json_get_number(self->rope, "mscale_all_dim", PT__JSON_OPTIONAL, 0, 1e6, &weight_of_all));
    PT__TRY(pt__json_get_bool(self->rope, "truncate", PT__JSON_OPTIONAL, &truncate));
    PT__TRY(read_attention_factor(self, weight > 0 && weight_of_all > 0
                                            ? magnitude(self->factor, weight) / magnitude(self->factor, weight_of_all)
                                            : magnitude(self->factor, 1)));
    if (self->base <= 1)
        return pt__fail(PT_ERR_FORMAT, "rope_theta: %g, expected more than 1 with the rope_type \"yarn\"", self->base);
    double first = plane_of_turns(self, fast), last = plane_of_turns(self, slow);
    first = fmax(truncate ? floor(first) : first, 0);
    last = fmin(truncate ? ceil(last) : last, 2 * (double)self->planes - 1);
    last = first == last ? last + 0.001 : last;
    for (int64_t i = 0; i < self->planes; i++) {
        double share = fmin(fmax(((double)i - first) / (last - first), 0), 1); /* of the divided frequency */
        self->out->frequencies[i] = frequency(self, i) * (share / self->factor + 1 - share);
    }
    self->out->has_frequencies = 1;
    double limit = self->factor * (double)self->original;
    if (limit > (double)self->out->options.limit)
        self->out->options.limit = limit < PT__LONGEST ? (int64_t)limit : PT__LONGEST;
    return PT_OK;
}

static pt_status_t read_divisors(const reading_t *self, const char *key, double *frequencies)
{
    const pt__json_t *divisors = NULL;
    int64_t i = 0;
    PT__TRY(pt__json_get_array(self->rope, key, PT__JSON_REQUIRED, &divisors));
    if (divisors->length != self->planes)
        return pt__json_fail(divisors, PT_ERR_FORMAT, "expected %lld numbers, half the width of a head, found %lld",
                             (long long)self->planes, (long long)divisors->length);
    for (const pt__json_t *divisor = divisors->first; divisor != NULL; divisor = divisor->next, i++) {
        if (divisor->kind != PT__JSON_NUMBER || !(divisor->number > 0))
            return pt__json_fail(divisor, PT_ERR_FORMAT, "expected a number above 0");
        frequencies[i] = frequency(self, i) / divisor->number;
    }
    return PT_OK;
}

static pt_status_t read_longrope(reading_t *self)
{
    self->factor = (double)self->positions / (double)self->original;
    PT__TRY(read_factor(self, PT__JSON_OPTIONAL));
    PT__TRY(
        read_attention_factor(self, self->factor <= 1 ? 1 : sqrt(1 + log(self->factor) / log((double)self->original))));
    PT__TRY(read_divisors(self, "short_factor", self->out->frequencies));
    PT__TRY(read_divisors(self, "long_factor", self->out->long_frequencies));
    self->out->has_frequencies = self->out->has_long_frequencies = 1;
    self->out->options.original_limit = self->original;
    return PT_OK;
}

static const struct {
    const char *type;
    pt_status_t (*read)(reading_t *self);
} types[] = {{"default", read_plain}, {"linear", read_linear}, {"dynamic", read_dynamic},
             {"llama3", read_llama3}, {"yarn", read_yarn},     {"longrope", read_longrope}};

static pt_status_t read_type(reading_t *self)
{
    const char *key = pt__json_find(self->rope, "rope_type") != NULL ? "rope_type" : "type", *type = "default";
    PT__TRY(pt__json_get_string(self->rope, key, PT__JSON_OPTIONAL, &type));
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].type, type) == 0)
            return types[i].read(self);
    return pt__json_fail(pt__json_find(self->rope, key), PT_ERR_UNSUPPORTED,
                         "\"%.64s\" is no known way of scaling, expected \"default\", \"linear\", \"dynamic\", "
                         "\"llama3\", \"yarn\" or \"longrope\"",
                         type);
}

/* What no family here has. */
static pt_status_t refuse_others(const pt__json_t *object)
{
    static const char *const kinds[] = {"full_attention", "sliding_attention"};
    double share = 1;
    PT__TRY(pt__json_get_number(object, "partial_rotary_factor", PT__JSON_OPTIONAL, 0, 1, &share));
    if (share != 1)
        return pt__json_fail(pt__json_find(object, "partial_rotary_factor"), PT_ERR_UNSUPPORTED,
                             "is %g: heads that turn in part, which this family does not have", share);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (pt__json_find(object, kinds[i]) != NULL)
            return pt__json_fail(pt__json_find(object, kinds[i]), PT_ERR_UNSUPPORTED,
                                 "positions of its own for a kind of layers, which this family does not have");
    return PT_OK;
}

pt_status_t pt__config_rotary(const pt__json_t *config, int64_t width, int64_t positions, double base,
                              pt__rotary_config_t *out)
{
    reading_t self = {.planes = width / 2, .positions = positions, .original = positions, .base = base, .out = out};
    int32_t interleaved = 0;
    PT__TRY(pt_rotary_options_init(&out->options, (uint32_t)sizeof out->options));
    out->options.limit = positions;
    out->has_frequencies = out->has_long_frequencies = 0;
    PT__TRY(refuse_others(config));
    PT__TRY(pt__json_get_object(config, "rope_parameters", PT__JSON_OPTIONAL, &self.rope));
    PT__TRY(pt__json_get_object(config, "rope_scaling", PT__JSON_OPTIONAL, &self.rope));
    PT__TRY(pt__json_get_bool(config, "rope_interleaved", PT__JSON_OPTIONAL, &interleaved));
    PT__TRY(pt__json_get_number(config, "rope_theta", PT__JSON_OPTIONAL, 1e-6, 1e30, &self.base));
    if (self.rope != NULL) {
        PT__TRY(refuse_others(self.rope));
        PT__TRY(pt__json_get_number(self.rope, "rope_theta", PT__JSON_OPTIONAL, 1e-6, 1e30, &self.base));
        PT__TRY(pt__json_get_integer(self.rope, "original_max_position_embeddings", PT__JSON_OPTIONAL, 2, PT__LONGEST,
                                     &self.original));
        PT__TRY(pt__json_get_integer(config, "original_max_position_embeddings", PT__JSON_OPTIONAL, 2, PT__LONGEST,
                                     &self.original));
        PT__TRY(read_type(&self));
    }
    out->options.base = self.base;
    out->options.flags = interleaved ? PT_ROTARY_INTERLEAVED : 0;
    return PT_OK;
}
