// Counts values into bins of power-of-two width in one pass over memory, for CPU devices.
//
// One work-item is a group and owns a table, so nothing is atomic. Values are looked at a block at
// a time: where all of them have a bin, their positions are computed with vectors and counted one
// by one. A block that needs wider bins first merges the table's bins in pairs; see Quantization's
// Histogram for why the result depends on the set of values alone.
//
// On processors without scatter, counting is bound by one store a value; the positions of a block
// are computed between the increments of the one before, and lie in memory, because taking them out
// of a vector's register competes with the stores. Equal values in a row would wait for each
// other's store: exact zeros (half of all values after a rectifier) are spread over BLOCK counters
// by their place in the block, and a block of one value is counted at once.
//
//   table  [groups][TABLE]  bins from the most negative to the most positive, then BLOCK counters
//                           of zeros
//   facts  [groups][FACTS]  see histogram/facts.cl, which comes before
//
// A group is a slice of a channel; channel c is x[(o * extent + c) * inner + i] over all o < outer
// and i < inner, cut into chunks of at most CHUNK neighbours.
//
// BINS   bins a side, a power of two
// FIXED  defined where the bin width is given, as `exponent`; values outside are clipped and
// counted

#define CHUNK 4096
#define LANES 16
#define VECTORS 4
#define BLOCK (VECTORS * LANES)
#define TABLE (2 * BINS + BLOCK)

// Merges neighbouring bins of both sides until they are 2^shift times as wide.
static inline void widen(__global uint *table, uint shift) {
  shift = min(shift, 31u);
  for (uint i = 0; i < BINS; ++i) {
    const uint above = table[BINS + i], below = table[BINS - 1 - i];
    table[BINS + i] = 0;
    table[BINS - 1 - i] = 0;
    table[BINS + (i >> shift)] += above;
    table[BINS - 1 - (i >> shift)] += below;
  }
}

// Notes the bits of a finite value that may be the least or the greatest.
static inline void note_extremum(__global int *facts, uint bits) {
  facts[LOWEST] = min(facts[LOWEST], as_int(bits));
  facts[HIGHEST] = max(facts[HIGHEST], as_int(bits));
  facts[SMALLEST] = as_int(min(as_uint(facts[SMALLEST]), bits));
  facts[LARGEST] = as_int(max(as_uint(facts[LARGEST]), bits));
}

// Counts one value; `facts` are the group's.
static inline void count_one(__global uint *table, __global int *facts, uint bits, float scale) {
  const uint magnitude = bits & 0x7fffffffu;
  const bool negative = bits >> 31;
  if (magnitude >= INFINITE) {
    facts[magnitude > INFINITE ? NANS : negative ? NEGATIVE_INFINITIES : POSITIVE_INFINITIES] += 1;
    return;
  }
  note_extremum(facts, bits);
  if (magnitude == 0) {
    facts[ZEROS] += 1;
    return;
  }
  const float steps = as_float(magnitude) * scale;
  uint bin = BINS - 1;
  if (steps < (float)BINS)
    bin = convert_uint_rtz(steps);
  else
    facts[negative ? CLIPPED_BELOW : CLIPPED_ABOVE] += 1;
  table[negative ? BINS - 1 - bin : BINS + bin] += 1;
}

// The bits of the largest magnitude that has a bin.
static inline uint largest_with_bin(int exponent) {
  const int doublings = 31 - (int)clz((uint)BINS);
  return min((uint)(exponent + 127 + doublings) << 23, INFINITE) - 1;
}

static inline uint largest_of(uint16 v) {
  const uint8 a = max(v.lo, v.hi);
  const uint4 b = max(a.lo, a.hi);
  return max(max(b.x, b.y), max(b.z, b.w));
}

// What a group knows of its bins.
typedef struct {
  int exponent;
  float scale;
  uint limit;  // bits of the largest magnitude that has a bin
} state_t;

// The least and the greatest values of lanes.
typedef struct {
  float16 lowest, highest;
} extrema_t;

// Gives `magnitude` a bin.
static inline void reach(__global uint *table, state_t *state, uint magnitude) {
#ifndef FIXED
  const int needed = needed_exponent(magnitude);
  if (needed <= state->exponent) return;
  widen(table, needed - state->exponent);
  state->exponent = needed;
  state->scale = power_of_two(-needed);
  state->limit = largest_with_bin(needed);
#endif
}

// Counts values one by one.
static inline void count_each(__global uint *table, __global int *facts, state_t *state,
                              __global const float *x, uint length) {
  for (uint i = 0; i < length; ++i) {
    const uint bits = as_uint(x[i]);
    if ((bits & 0x7fffffffu) < INFINITE) reach(table, state, bits & 0x7fffffffu);
    count_one(table, facts, bits, state->scale);
  }
}

// Some neighbouring values.
typedef struct {
  uint16 bits[VECTORS];
  uint first, most;  // the first one's bits, the largest magnitude's
  bool is_constant;
} block_t;

static inline block_t load_block(__global const float *restrict x) {
  block_t block;
  uint16 largest = 0, different = 0;
  block.first = as_uint(x[0]);
#pragma unroll
  for (uint v = 0; v < VECTORS; ++v) {
    block.bits[v] = as_uint16(vload16(v, x));
    largest = max(largest, block.bits[v] & 0x7fffffffu);
    different |= block.bits[v] ^ block.first;
  }
  block.most = largest_of(largest);
  block.is_constant = largest_of(different) == 0;
  return block;
}

static inline void note_extrema(extrema_t *extrema, const block_t *block) {
  float16 lowest = extrema->lowest, highest = extrema->highest;
#pragma unroll
  for (uint v = 0; v < VECTORS; ++v) {
    const float16 values = as_float16(block->bits[v]);
    lowest = values < lowest ? values : lowest;
    highest = values > highest ? values : highest;
  }
  extrema->lowest = lowest;
  extrema->highest = highest;
}

// Places in the table of values that have bins; vector `v` of a block.
static inline uint16 positions_of(uint16 bits, uint v, float scale) {
  const uint16 zero_counters =
      2 * BINS + (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const uint16 magnitudes = bits & 0x7fffffffu;
  // -1 - bin for negative values.
  const int16 bin = convert_int16_rtz(as_float16(magnitudes) * scale) ^ (as_int16(bits) >> 31);
  return select(as_uint16(bin + BINS), zero_counters + v * LANES, magnitudes == 0u);
}

static inline void count_vector(__global uint *restrict table, const uint16 *positions) {
#pragma unroll
  for (uint i = 0; i < LANES; ++i) table[((const uint *)positions)[i]] += 1;
}

// Counts a block of one value or with a magnitude beyond all before it.
static inline void count_rare_block(__global uint *restrict table, __global int *facts,
                                    state_t *state, extrema_t *extrema, const block_t *block,
                                    __global const float *restrict x) {
#ifdef FIXED
  if (block->most > state->limit) return count_each(table, facts, state, x, BLOCK);
#else
  if (block->most >= INFINITE) return count_each(table, facts, state, x, BLOCK);
  reach(table, state, block->most);
#endif
  note_extrema(extrema, block);
  if (!block->is_constant) {
    for (uint v = 0; v < VECTORS; ++v) {
      const uint16 positions = positions_of(block->bits[v], v, state->scale);
      count_vector(table, &positions);
    }
  } else if (block->most == 0) {
    table[2 * BINS] += BLOCK;
  } else {
    const uint bin = convert_uint_rtz(as_float(block->most) * state->scale);
    table[block->first >> 31 ? BINS - 1 - bin : BINS + bin] += BLOCK;
  }
}

// Counts `length` neighbours.
static inline void count_chunk(__global uint *restrict table, __global int *facts, state_t *state,
                               extrema_t *extrema, __global const float *restrict x, uint length) {
  // Of two blocks, one of which may wait to be counted.
  uint16 positions[2 * VECTORS];
  const uint none = 2;
  uint waiting = none, i = 0;
  for (; i + BLOCK <= length; i += BLOCK) {
    const block_t block = load_block(x + i);
    if (block.most > state->limit || block.is_constant) {
      for (uint v = 0; waiting != none && v < VECTORS; ++v)
        count_vector(table, positions + waiting * VECTORS + v);
      waiting = none;
      count_rare_block(table, facts, state, extrema, &block, x + i);
      continue;
    }
    note_extrema(extrema, &block);
    const float scale = state->scale;
    const uint next = waiting == 0;
#pragma unroll
    for (uint v = 0; v < VECTORS; ++v) {
      positions[next * VECTORS + v] = positions_of(block.bits[v], v, scale);
      if (waiting != none) count_vector(table, positions + waiting * VECTORS + v);
    }
    waiting = next;
  }
  for (uint v = 0; waiting != none && v < VECTORS; ++v)
    count_vector(table, positions + waiting * VECTORS + v);
  count_each(table, facts, state, x + i, length - i);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
stream(__global const float *restrict x, __global uint *restrict tables,
       __global int *restrict all_facts, ulong outer, ulong extent, ulong inner, uint first_channel,
       uint slices, int exponent) {
  const uint group = get_group_id(0);
  const uint nth = group / slices, slice = group - nth * slices;  // one division
  const uint channel = first_channel + nth;
  __global uint *restrict table = tables + (ulong)group * TABLE;
  __global int *restrict facts = all_facts + (ulong)group * FACTS;
  for (uint i = 0; i < TABLE; i += 16) vstore16((uint16)(0), 0, table + i);
  for (uint i = 0; i < FACTS; ++i) facts[i] = 0;
  facts[LOWEST] = INT_MAX;
  facts[HIGHEST] = INT_MIN;
  facts[SMALLEST] = -1;
#ifndef FIXED
  exponent = LOWEST_EXPONENT;
#endif
  state_t state = {exponent, power_of_two(-exponent), largest_with_bin(exponent)};
  extrema_t extrema = {INFINITY, -INFINITY};

  const ulong run_chunks = (inner + CHUNK - 1) / CHUNK, chunks = run_chunks * outer;
  const ulong last = chunks * (slice + 1) / slices;
  for (ulong chunk = chunks * slice / slices; chunk < last; ++chunk) {
    const ulong run = chunk / run_chunks, start = (chunk - run * run_chunks) * CHUNK;
    __global const float *restrict values = x + (run * extent + channel) * inner + start;
    const uint length = (uint)min((ulong)CHUNK, inner - start);
    count_chunk(table, facts, &state, &extrema, values, length);
  }
  float lowest[LANES], highest[LANES];
  vstore16(extrema.lowest, 0, lowest);
  vstore16(extrema.highest, 0, highest);
  for (uint lane = 0; lane < LANES; ++lane) {
    if (lowest[lane] <= highest[lane]) {
      note_extremum(facts, as_uint(lowest[lane]));
      note_extremum(facts, as_uint(highest[lane]));
    }
  }
  for (uint i = 0; i < BLOCK; ++i) facts[ZEROS] += as_int(table[2 * BINS + i]);
  facts[EXPONENT] = state.exponent;
}
