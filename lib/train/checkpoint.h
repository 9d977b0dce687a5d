/* Checkpoints: one safetensors file with everything that training goes on from.
 *
 *   tensors    NAME                            a stored tensor, in the dtype that it has in the model
 *              pretrain.hash.NAME              in place of a frozen one where only what is trained is kept: XXH64
 *                                              (seed 0) of its values as float32, uint64 [1]
 *              pretrain.slot.SLOT.NAME         an optimizer slot of a learnable parameter (in torch's words:
 *                                              exp_avg ...)
 *              pretrain.age.NAME               int64 [1], updates seen, of a frozen parameter whose slots are here too
 *              pretrain.gradient.NAME          gradients of an accumulation under way
 *              pretrain.best.NAME              weights of the best evaluation, where the stage keeps them
 *              pretrain.checksum               of all bytes before it (formats/tensors.h)
 *   metadata   pretrain.format "1", pretrain.config (or pretrain.classes: class_names_json.c), pretrain.task (JSON:
 *              tasks/task_text.c), pretrain.normalization (JSON: normalizations.h), pretrain.frozen (JSON: names of
 *              what does not learn), pretrain.optimizer, and counts, one key each, as decimal numbers (doubles in the
 *              hexadecimal form, which is exact)
 *
 * checkpoint_write.c writes them, checkpoint_read.c reads them; model_open.c makes a model from one. */
#ifndef PT__CHECKPOINT_H
#define PT__CHECKPOINT_H

#define PT__CHECKPOINT_PREFIX "pretrain."
#define PT__CHECKPOINT_AGES   PT__CHECKPOINT_PREFIX "optimizer.ages"
#define PT__CHECKPOINT_FROZEN PT__CHECKPOINT_PREFIX "frozen"

#endif
