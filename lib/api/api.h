/* The entry of the exported functions: each clears the thread's message, checks its arguments, calls down, reports.
 * Functions that cannot fail (getters, pt_X_free) leave the message alone, so that a host may clean up before it
 * prints what failed. */
#ifndef PT__API_H
#define PT__API_H

#include "base/options.h"
#include "base/status.h"

/* First statement of every function that returns a status. */
#define PT__ENTER() pt__error_clear()

/* The argument may not be NULL. */
#define PT__NEED(argument)                                                           \
    do {                                                                             \
        if ((argument) == NULL)                                                      \
            return pt__fail(PT_ERR_ARGUMENT, "%s: %s is NULL", __func__, #argument); \
    } while (0)

/* The same within the body of a function of that name, whose exported part keeps the message on a handle. */
#define PT__NEED_IN(function, argument)                                              \
    do {                                                                             \
        if ((argument) == NULL)                                                      \
            return pt__fail(PT_ERR_ARGUMENT, "%s: %s is NULL", function, #argument); \
    } while (0)

/* For functions with an `out` argument: it may not be NULL, and holds NULL until the function succeeds. */
#define PT__NEED_OUT(out) \
    do {                  \
        PT__NEED(out);    \
        *(out) = NULL;    \
    } while (0)

#endif
