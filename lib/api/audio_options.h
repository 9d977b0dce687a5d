/* Options of recordings as a host gave them: NULL stands for the defaults. */
#ifndef PT__AUDIO_OPTIONS_H
#define PT__AUDIO_OPTIONS_H

#include "base/status.h"

pt_status_t pt__audio_options_read(const pt_audio_options_t *options, pt_audio_options_t *out);

#endif
