/* The program's commands, a file each. They give its exit status. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "settings.h"

int command_train(const settings_t *settings);
int command_finetune(const settings_t *settings);
int command_evaluate(const settings_t *settings);
int command_predict(const settings_t *settings);
int command_tokenize(const settings_t *settings);
int command_generate(const settings_t *settings);
int command_inspect(const settings_t *settings);
int command_embed(const settings_t *settings);
int command_convert(const settings_t *settings);

#endif
