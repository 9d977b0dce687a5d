/* What the families read from a configuration beside plain numbers, in the vocabulary of Hugging Face's config.json. */
#ifndef PT__CONFIG_H
#define PT__CONFIG_H

#include "base/json.h"

/* The largest sizes that a configuration of a transformer may ask for. */
enum { PT__LARGEST_VOCABULARY = 1 << 24, PT__LONGEST = 1 << 24, PT__WIDEST = 1 << 20, PT__DEEPEST = 1024 };

/* The activation named by `key` ("gelu_new", "relu", ...) as PT_ACTIVATION_...; *activation keeps what it holds
 * where the key is missing. */
pt_status_t pt__config_activation(const pt__json_t *config, const char *key, int32_t *activation);

/* Keys of any Hugging Face configuration that make another network than the family builds: PT_ERR_UNSUPPORTED unless
 * they hold the value that changes nothing. honours: those that the family reads itself, up to a NULL. Whoever builds
 * from a configuration asks first. */
pt_status_t pt__config_check(const pt__json_t *config, const char *const *honours);

/* A probability in [0, 1). */
pt_status_t pt__config_probability(const pt__json_t *config, const char *key, double *probability);

#endif
