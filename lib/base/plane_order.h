/* Heads whose planes are turned by rotary positions, as rows of a matrix or elements of a vector: a plane's two rows
 * are in the two halves of its head (Hugging Face), or side by side (GGUF files of some families). */
#ifndef PT__PLANE_ORDER_H
#define PT__PLANE_ORDER_H

#include <stdint.h>

/* From one order to the other; `rows` is a multiple of `width`, the even number of a head's rows. */
void pt__planes_move(const void *src, int64_t rows, int64_t row_bytes, int64_t width, int32_t to_side_by_side,
                     void *dst);

#endif
