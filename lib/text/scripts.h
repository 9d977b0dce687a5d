/* The scripts of characters, as the pre-tokenizer "UnicodeScripts" tells them apart: kana count as Chinese characters.
 * 0: a blank, and what Unicode does not have. */
#ifndef PT__SCRIPTS_H
#define PT__SCRIPTS_H

#include <stdint.h>

int32_t pt__script(uint32_t code);

#endif
