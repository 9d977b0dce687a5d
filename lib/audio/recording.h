/* From a recording's file to its rows. */
#ifndef PT__RECORDING_H
#define PT__RECORDING_H

#include "audio/speech_features.h"
#include "base/clip.h"

/* What is wrong with options that a host gave. */
pt_status_t pt__recording_check(const pt_audio_options_t *options);
/* How long a recording is, how many rows it gives, and the most that it gives at any speed that may be drawn, by its
 * header; where that does not say, by decoding it. Too few samples for a row are PT_ERR_FORMAT. Messages name no
 * file. */
pt_status_t pt__recording_measure(const pt__features_t *features, const pt__clip_t *clip, double *seconds,
                                  int64_t *rows, int64_t *most);
/* Whether all of it can be decoded, and is not silence throughout: what noise is to be. */
pt_status_t pt__recording_probe(const pt__features_t *features, const pt__clip_t *clip);
/* Its rows, perturbed by what is drawn from the key, with this noise or NULL; most: the most that there is room for. */
pt_status_t pt__recording_make(const pt__features_t *features, const pt__clip_t *clip, const pt__clip_t *noise,
                               uint64_t key, int64_t most, float *to, int64_t *rows);

#endif
