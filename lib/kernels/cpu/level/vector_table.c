/* The table of one level: what each of the other sources of this folder gives. */
#include "kernels/cpu/vector.h"

#include "kernels/cpu/level/lanes.h"

#define TEXT_(name) #name
#define TEXT(name)  TEXT_(name)

extern const pt__vector_map_t PT__LEVEL(pt__vector_map);
extern const pt__vector_reduce_t PT__LEVEL(pt__vector_reduce);
extern const pt__vector_softmax_t PT__LEVEL(pt__vector_softmax);
extern const pt__vector_norm_t PT__LEVEL(pt__vector_norm);
extern const pt__vector_columns_t PT__LEVEL(pt__vector_columns);
extern const pt__vector_dropout_t PT__LEVEL(pt__vector_dropout);
extern const pt__vector_attention_t PT__LEVEL(pt__vector_attention);
extern const pt__vector_rotary_t PT__LEVEL(pt__vector_rotary);
extern const pt__vector_recurrence_t PT__LEVEL(pt__vector_recurrence);
extern const pt__vector_pool_t PT__LEVEL(pt__vector_pool);
extern const pt__vector_convolution_t PT__LEVEL(pt__vector_convolution);
extern const pt__vector_loss_t PT__LEVEL(pt__vector_loss);
extern const pt__vector_ctc_t PT__LEVEL(pt__vector_ctc);
extern const pt__vector_optimizer_t PT__LEVEL(pt__vector_optimizer);
extern const pt__vector_widen_t PT__LEVEL(pt__vector_widen);

const pt__vector_t PT__LEVEL(pt__vector) = {
    .name = TEXT(PT__LEVEL_SUFFIX),
    .map = &PT__LEVEL(pt__vector_map),
    .reduce = &PT__LEVEL(pt__vector_reduce),
    .softmax = &PT__LEVEL(pt__vector_softmax),
    .norm = &PT__LEVEL(pt__vector_norm),
    .columns = &PT__LEVEL(pt__vector_columns),
    .dropout = &PT__LEVEL(pt__vector_dropout),
    .attention = &PT__LEVEL(pt__vector_attention),
    .rotary = &PT__LEVEL(pt__vector_rotary),
    .recurrence = &PT__LEVEL(pt__vector_recurrence),
    .pool = &PT__LEVEL(pt__vector_pool),
    .convolution = &PT__LEVEL(pt__vector_convolution),
    .loss = &PT__LEVEL(pt__vector_loss),
    .ctc = &PT__LEVEL(pt__vector_ctc),
    .optimizer = &PT__LEVEL(pt__vector_optimizer),
    .widen = &PT__LEVEL(pt__vector_widen),
};
