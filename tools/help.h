/* What --help shows, and the same for programs. */
#ifndef HELP_H
#define HELP_H

#include "settings.h"

/* The list of commands, on standard output. */
void help_program(void);
/* A command's page, on standard output. */
void help_command(const command_t *command);
/* Commands and options as JSON on standard output: what the manual page and completion are made from. */
void help_describe(void);

#endif
