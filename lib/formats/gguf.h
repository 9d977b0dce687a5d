/* What the readers of GGUF files share (gguf.c, gguf_config.c). */
#ifndef PT__FORMATS_GGUF_H
#define PT__FORMATS_GGUF_H

#include "base/gguf_container.h"
#include "base/gguf_metadata.h"
#include "base/text.h"
#include "formats/tensors.h"

enum {
    PT__GGUF_ALIGNMENT = 32, /* of tensors' data, where the file does not say */
    PT__GGUF_RANK = 4        /* dimensions of a tensor, at most */
};

/* ggml's number of a dtype; -1: it has none. */
int32_t pt__gguf_type_of(int32_t dtype);

/* The text of a Hugging Face config.json that says what the metadata do, of the architectures that are known; of any
 * other only "model_type" is written, its name. "rope_interleaved" is true where the file's queries and keys have their
 * planes side by side. PT_ERR_UNSUPPORTED: metadata that the network would have to honour and that have no key there.
 * The table holds the file's tensors. */
pt_status_t pt__gguf_config(const pt__gguf_t *gguf, const pt__tensors_t *table, pt__text_t *json);

#endif
