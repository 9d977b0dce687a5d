/* What the ops of attention have in common: the places of their attributes. */
#ifndef PT__ATTENTION_PLACES_H
#define PT__ATTENTION_PLACES_H

/* integers; FLAGS: the options'; NUMBER: tells the dropouts of a graph apart; LENGTH_LIMIT: of the dimension of ragged
 * keys, 0 where there is none, to tell their cost */
enum { HEADS, KV_HEADS, FLAGS, WINDOW, NUMBER, LENGTH_LIMIT };
enum { SCALE, DROPOUT }; /* reals */

#endif
