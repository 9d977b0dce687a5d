/* The most float32 operations, and bytes of memory, a second that this machine does: what the tables of bench/ take
 * shares of. */
#ifndef BENCH_PEAK_H
#define BENCH_PEAK_H

/* Operations a second (a fused multiply-add counts as two) of `threads` threads that run at once, each in a loop of
 * independent fused multiply-adds on registers, over about `seconds`. 0 where threads cannot be made. */
double peak_measure(int threads, double seconds);

/* Bytes a second that `threads` threads read and write together, going round and round arrays of `bytes` in all (two
 * reads for each write, in place): small ones stay in a cache, large ones come from memory. 0 where threads or memory
 * cannot be had. */
double bandwidth_measure(int threads, double bytes, double seconds);

#endif
