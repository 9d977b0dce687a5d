/* What a configuration says of rotary positions: rope_theta, rope_scaling, rope_parameters, rope_interleaved. */
#ifndef PT__ROTARY_CONFIG_H
#define PT__ROTARY_CONFIG_H

#include "base/json.h"

enum { PT__ROTARY_PLANES = 128 };

typedef struct pt__rotary_config {
    pt_rotary_options_t options; /* but heads; NULL for the frequencies, which stand here */
    int32_t has_frequencies, has_long_frequencies;
    double frequencies[PT__ROTARY_PLANES], long_frequencies[PT__ROTARY_PLANES];
} pt__rotary_config_t;

/* width: of a head; positions: max_position_embeddings; base: without rope_theta. */
pt_status_t pt__config_rotary(const pt__json_t *config, int64_t width, int64_t positions, double base,
                              pt__rotary_config_t *out);

#endif
