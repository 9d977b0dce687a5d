/* The descriptors that optim.def names. */
#ifndef PT__OPTIMIZER_KINDS_H
#define PT__OPTIMIZER_KINDS_H

#include "optim/optim.h"

#define PT__OPTIMIZER(name) extern const pt__optimizer_kind_t pt__optimizer_kind_##name;
#include "optim/optim.def"
#undef PT__OPTIMIZER

#endif
