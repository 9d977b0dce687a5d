/* --out of training: a directory with the model, its configuration, its tokenizer and its checkpoints. */
#ifndef OUT_DIRECTORY_H
#define OUT_DIRECTORY_H

#include "opened_model.h"

/* Before anything is computed, so that what cannot be written is told now: makes the directory, refuses one that an
 * earlier training has left, and writes the tokenizer. checkpoints: where they go, "" for none. EXIT_DONE, or a status
 * after a message. */
int out_directory_prepare(const settings_t *settings, const opened_model_t *opened, char checkpoints[PATH_SIZE]);
/* Makes a directory, with those that it is in, and tells where it cannot be written to. option: that asks for it.
 * EXIT_DONE, or a status after a message. */
int out_directory_make(const char *option, const char *path);
/* A file that a result will go to: makes its directory, and tells what cannot be written before the work. EXIT_DONE, or
 * a status after a message. */
int out_file_check(const char *option, const char *path);
/* Writes the model and its configuration, where there is a directory. EXIT_DONE, or a status after a message. */
int out_directory_save(const settings_t *settings, const opened_model_t *opened);

#endif
