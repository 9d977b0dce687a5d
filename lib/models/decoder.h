/* The decoder that Llama and its relatives share (decoder.c). Each family's file says what it has of it. */
#ifndef PT__DECODER_H
#define PT__DECODER_H

#include "models/models.h"

/* Which layers see a window of tokens only. */
typedef enum pt__decoder_windows {
    PT__WINDOWS_NONE = 0,
    PT__WINDOWS_ALL,        /* "sliding_window", unless it is null */
    PT__WINDOWS_FROM_LAYER, /* with "use_sliding_window": those from "max_window_layers" on, or as "layer_types" says */
    PT__WINDOWS_UNTURNED    /* with "use_sliding_window": those without rotary positions, or as "layer_types" says */
} pt__decoder_windows_t;

typedef struct pt__decoder { /* a family: sizes that its configurations may leave out, and what its layers have */
    int64_t vocabulary, width, inner, layers, heads, positions;
    int64_t kv_heads;   /* 0: heads */
    int64_t head_width; /* 0: width / heads */
    int64_t window;     /* 0: none */
    double base;        /* of rotary positions */
    int32_t tied;
    int32_t query_biases;     /* of query, key and value, always */
    int32_t attention_biases; /* the key "attention_bias": of these and of the output */
    int32_t inner_biases;     /* the key "mlp_bias" */
    int32_t head_norms;       /* of each query and key */
    int32_t unturned;         /* "no_rope_layers", "no_rope_layer_interval": layers without rotary positions */
    pt__decoder_windows_t windows;
} pt__decoder_t;

/* What GGUF files call the parameters of all these families. */
extern const pt__renaming_t pt__decoder_gguf[];

pt_status_t pt__decoder_build(const pt__decoder_t *family, const struct pt__json *config, pt_graph_t *graph);

#endif
