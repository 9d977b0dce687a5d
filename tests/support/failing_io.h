/* Makes the n-th of the library's calls of a kind fail: every test program is linked with -Wl,--wrap for these, so that
 * the library itself needs no hook. Only calls from code linked statically into the program are reached. */
#ifndef SUPPORT_FAILING_IO_H
#define SUPPORT_FAILING_IO_H

typedef enum failing_io {
    FAILING_WRITE = 0,
    FAILING_FSYNC,
    FAILING_RENAME,
    FAILING_CLOSE, /* the file is closed all the same, as the system does it */
    FAILING_OPENDIR,
    FAILING_FLOCK,
    FAILING_OPEN,
    FAILING_READ,
    FAILING_FSTAT,
    FAILING_MMAP,
    FAILING_READDIR,
    FAILING_FCHOWN,
    FAILING_FCHMOD,
    FAILING_ACCESS,    /* faccessat */
    FAILING_MUTEX,     /* pthread_mutex_init, */
    FAILING_CONDITION, /* pthread_cond_init */
    FAILING_THREAD,    /* and pthread_create: these return their error */
    FAILING_IO_COUNT
} failing_io_t;

/* From now on the n-th call (1: the next; 0: none) of this kind, and all after it, fail with `error`, an errno; with
 * EINTR the n-th alone, since it is made again. Counts begin anew. */
void failing_io_arm(failing_io_t kind, long n, int error);
void failing_io_disarm(void);
/* From now on fsync does nothing: for tests that write very many files, and not to tell what a power cut leaves. */
void failing_io_skip_fsync(void);
/* Calls of this kind since the last arm or disarm. */
long failing_io_calls(failing_io_t kind);

#endif
