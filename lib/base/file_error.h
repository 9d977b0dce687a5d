/* How file.c and writer.c report what the system refused. */
#ifndef PT__FILE_ERROR_H
#define PT__FILE_ERROR_H

#include "base/status.h"

/* "PATH: cannot VERB: reason"; PT_ERR_NOT_FOUND where `error` (an errno) says that something does not exist, else
 * PT_ERR_IO. */
pt_status_t pt__file_fail(const char *verb, const char *path, int error);

#endif
