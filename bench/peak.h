/* The most float32 operations a second that this machine does: what the tables of bench/ take shares of. */
#ifndef BENCH_PEAK_H
#define BENCH_PEAK_H

/* Operations a second (a fused multiply-add counts as two) of `threads` threads that run at once, each in a loop of
 * independent fused multiply-adds on registers, over about `seconds`. 0 where threads cannot be made. */
double peak_measure(int threads, double seconds);

#endif
