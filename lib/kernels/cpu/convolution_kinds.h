/* The ways of making a convolution that convolution.c and convolution_weight.c choose from, by shape. Each takes the
 * pictures that it suits (kernels/convolution.h). */
#ifndef PT__CONVOLUTION_KINDS_H
#define PT__CONVOLUTION_KINDS_H

#include "kernels/convolution.h"

/* convolution_winograd.c */
void pt__winograd_forward(pt__dev device, const pt__convolution_t *convolution);
void pt__winograd_backward(pt__dev device, const pt__convolution_t *convolution);
/* d_weight alone */
void pt__winograd_weight(pt__dev device, const pt__convolution_t *convolution);

/* convolution_depthwise.c */
void pt__depthwise_forward(pt__dev device, const pt__convolution_t *convolution);
void pt__depthwise_backward(pt__dev device, const pt__convolution_t *convolution);
void pt__depthwise_weight(pt__dev device, const pt__convolution_t *convolution);

#endif
