// The search on a table of excesses: probes, the brackets around the best of them, and narrower
// ones.
//
// BINS    bins a side; a side of a table has BINS + 1 entries
// SPREAD  defined if the values of a bin count as spread evenly over it (histograms) and not as
// lying
//         at their mean (rows)

#ifndef BINS
#error "BINS: number of bins a side"
#endif
#define ENTRIES (BINS + 1)
#define PROBES (LOGARITHMIC_PROBES + LINEAR_PROBES + PROBES_ABOVE)
#define MOST_CANDIDATES (PROBES + 1 > BRACKETS * FINE_POINTS ? PROBES + 1 : BRACKETS * FINE_POINTS)
#define MOST_BRACKETS (BRACKETS > NARROW_BRACKETS ? BRACKETS : NARROW_BRACKETS)

// A bin is 1 << threshold_bits half steps of the grid, or 1 << tick_bits ticks, wide; excesses are
// in ticks. Entries above zero come first.
typedef struct {
  __global const uint *counts;
  __global const long *excesses;
  int threshold_bits, tick_bits;
} excess_table;

typedef struct {
  candidate candidates[MOST_CANDIDATES];
  candidate best;
  int lower[MOST_BRACKETS], upper[MOST_BRACKETS];
  int brackets;
} bracket_state;

LB_INLINE long excess_beyond(excess_table table, int side, long threshold) {
  const long bin = threshold >> table.threshold_bits;
  if (bin >= BINS) return 0;
  const long entry = side * ENTRIES + bin;
  const long offset = threshold & ((1l << table.threshold_bits) - 1);
  const int shift = table.threshold_bits - table.tick_bits;
  const long count = table.counts[entry], next_count = table.counts[entry + 1];
  const long near = table.excesses[entry] - ((count * offset) >> shift);
#ifdef SPREAD
  const long share = table.threshold_bits >= 15 ? offset >> (table.threshold_bits - 15)
                                                : offset << (15 - table.threshold_bits);
  return near + (((count - next_count) * share * share) >> (31 - table.tick_bits));
#else
  const long to_border = (1l << table.threshold_bits) - offset;
  return max(near, table.excesses[entry + 1] + ((next_count * to_border) >> shift));
#endif
}

// The best zero point for a multiple, and the sum of the excesses.
LB_INLINE candidate evaluate(excess_table table, int multiple) {
#ifdef AFFINE
  // Where the excess beyond the last border below zero no longer exceeds that beyond the last
  // above.
  int zero_point = 0, last = LEVELS - 1;
  while (zero_point < last) {
    const int middle = (zero_point + last) / 2;
    const long below = excess_beyond(table, 1, (2l * middle + 1) * multiple);
    const long above = excess_beyond(table, 0, (2l * (LEVELS - 2 - middle) + 1) * multiple);
    if (below > above)
      zero_point = middle + 1;
    else
      last = middle;
  }
#else
  const int zero_point = LEVELS / 2;
#endif
  const long end = (long)BINS << table.threshold_bits;
  long sum = 0;
  for (int side = 0; side < 2; ++side) {
    const int borders = side ? zero_point : LEVELS - 1 - zero_point;
    long threshold = multiple;
    for (int border = 0; border < borders && threshold < end; ++border, threshold += 2l * multiple)
      sum += excess_beyond(table, side, threshold);
  }
  return (candidate){multiple, zero_point, (ulong)sum};
}

LB_INLINE int probe(scale_grid grid, int index) {
  const long start = grid.start;
  long multiple;
  if (index < LOGARITHMIC_PROBES) {
    // Quarters of an octave below 1/8, two of them between coarse probes.
    const int quarters =
        max(LOGARITHMIC_PROBES + COARSE_PROBES - 2 * index, LOGARITHMIC_PROBES - index);
    const long factor = quarters & 2 ? (quarters & 1 ? 152 : 181) : (quarters & 1 ? 215 : 256);
    multiple = (start * factor) >> (11 + quarters / 4);
  } else if (index < LOGARITHMIC_PROBES + LINEAR_PROBES) {
    multiple = (start * 5 * (index - LOGARITHMIC_PROBES + FIRST_LINEAR)) >> 8;
  } else {
    multiple = (start * (21 + index - LOGARITHMIC_PROBES - LINEAR_PROBES)) >> 4;
  }
  return allowed(grid, multiple);
}

LB_INLINE int point_of(int lower, int upper, int point, int points) {
  return lower + (upper - lower) * point / (points + 1);
}

// The places of the best of the first `count` candidates, best first; of equal ones the earlier.
LB_INLINE int rank_best(SHARED bracket_state *state, int count, int most, int *best) {
  int found = 0;
  for (int index = 0; index < count; ++index) {
    int rank = found;
    while (rank > 0 && is_better(state->candidates[index], state->candidates[best[rank - 1]]))
      --rank;
    if (rank == most) continue;
    found = min(found + 1, most);
    for (int place = found - 1; place > rank; --place) best[place] = best[place - 1];
    best[rank] = index;
  }
  return found;
}

// Searches a table with all work-items of the group; the result is state->best.
LB_INLINE void search_brackets(excess_table table, scale_grid grid, SHARED bracket_state *state) {
  const int item = (int)get_local_id(0);
  for (int index = item; index <= PROBES; index += WORK_ITEMS)
    state->candidates[index] =
        evaluate(table, index < PROBES ? probe(grid, index) : allowed(grid, grid.start));
  SYNCHRONIZE;
  if (item == 0) {
    int best[MOST_BRACKETS];
    state->best = state->candidates[PROBES];
    state->brackets = rank_best(state, PROBES, BRACKETS, best);
    if (is_better(state->candidates[best[0]], state->best))
      state->best = state->candidates[best[0]];
    for (int k = 0; k < state->brackets; ++k) {
      const int index = best[k];
      state->lower[k] = index > 0 ? probe(grid, index - 1) : probe(grid, 0) / 2;
      state->upper[k] = probe(grid, min(index + 1, PROBES - 1));
    }
  }
  SYNCHRONIZE;
  for (int round = 0; round <= NARROW_ROUNDS; ++round) {
    const int points = round == 0 ? FINE_POINTS : NARROW_POINTS;
    const int brackets = state->brackets;
    bool is_wide = round == 0;
    for (int k = 0; k < brackets; ++k) is_wide = is_wide || state->upper[k] - state->lower[k] > 2;
    // No way out of the loop: not every driver leaves one around barriers rightly.
    const int count = is_wide ? brackets * points : 0;
    for (int index = item; index < count; index += WORK_ITEMS) {
      const int k = index / points, point = index - k * points + 1;
      const int multiple = point_of(state->lower[k], state->upper[k], point, points);
      state->candidates[index] = evaluate(table, allowed(grid, multiple));
    }
    SYNCHRONIZE;
    if (item == 0 && is_wide) {
      int best[MOST_BRACKETS], lower[MOST_BRACKETS], upper[MOST_BRACKETS];
      const int found = rank_best(state, count, round == 0 ? NARROW_BRACKETS : 1, best);
      if (is_better(state->candidates[best[0]], state->best))
        state->best = state->candidates[best[0]];
      for (int n = 0; n < found; ++n) {
        const int k = best[n] / points, point = best[n] - k * points + 1;
        lower[n] = point_of(state->lower[k], state->upper[k], point - 1, points);
        upper[n] = point_of(state->lower[k], state->upper[k], point + 1, points) + 1;
      }
      for (int n = 0; n < found; ++n) {
        state->lower[n] = lower[n];
        state->upper[n] = upper[n];
      }
      state->brackets = found;
    }
    SYNCHRONIZE;
  }
}
