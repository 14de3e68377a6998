// Counts values into bins of power-of-two width in one pass over memory, for CPU devices.
//
// One work-item is a group and owns a table, so nothing is atomic. A chunk that fits the
// first-level cache is looked at twice: once for its extrema, which say how wide its bins must be,
// and once to count it. When a chunk needs wider bins, the table's bins merge in pairs; see
// Quantization's Histogram for why the result depends on the set of values alone.
//
// Positions are computed for a chunk at a time with vectors and counted one by one: on processors
// without scatter, counting is bound by one store a value. Equal values in a row would wait for
// each other's store, so exact zeros (half of all values after a rectifier) are spread over LANES
// counters by their place in the vector, and a chunk of one value is counted at once.
//
//   table  [groups][TABLE]  bins from the most negative to the most positive, then LANES zero
//   counters facts  [groups][FACTS]  see the enumeration below
//
// A group is a slice of a channel; channel c is x[(o * extent + c) * inner + i] over all o < outer
// and i < inner, cut into chunks of at most CHUNK neighbours.
//
// BINS   bins a side, a power of two
// FIXED  defined where the bin width is given, as `exponent`; values outside are clipped and
// counted

#ifndef BINS
#error "BINS: number of bins a side"
#endif
#define CHUNK 1024
#define LANES 16
#define TABLE (2 * BINS + LANES)
#define LOWEST_EXPONENT (-126)
#define INFINITE 0x7f800000u

// Extrema of the bits of finite values, as int and as uint: the host derives the extrema of the
// values.
enum {
  EXPONENT,
  ZEROS,
  NANS,
  POSITIVE_INFINITIES,
  NEGATIVE_INFINITIES,
  CLIPPED_BELOW,
  CLIPPED_ABOVE,
  LOWEST,
  HIGHEST,
  SMALLEST,
  LARGEST,
  FACTS = 16
};

static inline float power_of_two(int exponent) { return as_float((uint)(exponent + 127) << 23); }

// The smallest exponent with which BINS bins hold a magnitude, given by its bits.
static inline int needed_exponent(uint magnitude) {
  const int doublings = 31 - (int)clz((uint)BINS);
  return max((int)(magnitude >> 23) - 126 - doublings, LOWEST_EXPONENT);
}

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

// Counts one value; `facts` are the group's.
static inline void count_one(__global uint *table, __global int *facts, uint bits, float scale) {
  const uint magnitude = bits & 0x7fffffffu;
  const bool negative = bits >> 31;
  if (magnitude >= INFINITE) {
    facts[magnitude > INFINITE ? NANS : negative ? NEGATIVE_INFINITIES : POSITIVE_INFINITIES] += 1;
    return;
  }
  facts[LOWEST] = min(facts[LOWEST], as_int(bits));
  facts[HIGHEST] = max(facts[HIGHEST], as_int(bits));
  facts[SMALLEST] = as_int(min(as_uint(facts[SMALLEST]), bits));
  facts[LARGEST] = as_int(max(as_uint(facts[LARGEST]), bits));
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

// Counts a chunk of finite values that all have a bin.
static inline void count_chunk(__global uint *restrict table, __global const float *restrict x,
                               uint length, float scale) {
  const uint16 zero_counters =
      2 * BINS + (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  uint positions[CHUNK];
  for (uint i = 0; i < length; i += LANES) {
    const uint16 bits = as_uint16(vload16(0, x + i));
    const uint16 magnitude = bits & 0x7fffffffu;
    // -1 - bin for negative values.
    const int16 bin = convert_int16_rtz(as_float16(magnitude) * scale) ^ (as_int16(bits) >> 31);
    const uint16 position = select(as_uint16(bin + BINS), zero_counters, magnitude == 0u);
    vstore16(position, 0, positions + i);
  }
  for (uint i = 0; i < length; i += LANES) {
#pragma unroll
    for (uint lane = 0; lane < LANES; ++lane) table[positions[i + lane]] += 1;
  }
}

static inline int16 reduce_halves_max(int16 v) {
  int8 a = max(v.lo, v.hi);
  int4 b = max(a.lo, a.hi);
  return (int16)(max(max(b.x, b.y), max(b.z, b.w)));
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
  float scale = power_of_two(-exponent);
  int16 lowest = INT_MAX, highest = INT_MIN;
  uint16 smallest = UINT_MAX, largest = 0;

  const ulong run_chunks = (inner + CHUNK - 1) / CHUNK, chunks = run_chunks * outer;
  const ulong last = chunks * (slice + 1) / slices;
  for (ulong chunk = chunks * slice / slices; chunk < last; ++chunk) {
    const ulong run = chunk / run_chunks, start = (chunk - run * run_chunks) * CHUNK;
    __global const float *restrict values = x + (run * extent + channel) * inner + start;
    const uint length = (uint)min((ulong)CHUNK, inner - start);
    const uint whole = length / LANES * LANES;

    int16 low = INT_MAX, high = INT_MIN;
    uint16 small = UINT_MAX, large = 0;
    for (uint i = 0; i < whole; i += LANES) {
      const uint16 bits = as_uint16(vload16(0, values + i));
      low = min(low, as_int16(bits));
      high = max(high, as_int16(bits));
      small = min(small, bits);
      large = max(large, bits);
    }
    // As unsigned numbers, the bits of negative values are above all others.
    uint magnitude = (uint)reduce_halves_max(
                         as_int16(max(as_uint16(max(high, (int16)(0))), large & 0x7fffffffu)))
                         .s0;
    bool one_by_one = magnitude >= INFINITE;
    for (uint i = whole; i < length; ++i) {
      const uint rest = as_uint(values[i]) & 0x7fffffffu;
      if (rest < INFINITE) magnitude = max(magnitude, rest);
    }
    if (one_by_one) {
      magnitude = 0;
      for (uint i = 0; i < length; ++i) {
        const uint finite = as_uint(values[i]) & 0x7fffffffu;
        if (finite < INFINITE) magnitude = max(magnitude, finite);
      }
    }
#ifdef FIXED
    one_by_one = one_by_one || !(as_float(magnitude) * scale < (float)BINS);
#else
    const int needed = needed_exponent(magnitude);
    if (needed > exponent) {
      widen(table, needed - exponent);
      exponent = needed;
      scale = power_of_two(-exponent);
    }
#endif
    uint counted = 0;
    if (!one_by_one) {
      lowest = min(lowest, low);
      highest = max(highest, high);
      smallest = min(smallest, small);
      largest = max(largest, large);
      const int first = as_int(values[0]);
      if (whole > 0 && all(low == first) && all(high == first)) {
        const uint bits = as_uint(first);
        if (bits << 1 == 0) {
          facts[ZEROS] += whole;
        } else {
          const uint bin = convert_uint_rtz(as_float(bits & 0x7fffffffu) * scale);
          table[bits >> 31 ? BINS - 1 - bin : BINS + bin] += whole;
        }
      } else {
        count_chunk(table, values, whole, scale);
      }
      counted = whole;
    }
    for (uint i = counted; i < length; ++i) count_one(table, facts, as_uint(values[i]), scale);
  }
  int lows[LANES], highs[LANES];
  uint smalls[LANES], larges[LANES];
  vstore16(lowest, 0, lows);
  vstore16(highest, 0, highs);
  vstore16(smallest, 0, smalls);
  vstore16(largest, 0, larges);
  for (uint lane = 0; lane < LANES; ++lane) {
    facts[LOWEST] = min(facts[LOWEST], lows[lane]);
    facts[HIGHEST] = max(facts[HIGHEST], highs[lane]);
    facts[SMALLEST] = as_int(min(as_uint(facts[SMALLEST]), smalls[lane]));
    facts[LARGEST] = as_int(max(as_uint(facts[LARGEST]), larges[lane]));
    facts[ZEROS] += as_int(table[2 * BINS + lane]);
  }
  facts[EXPONENT] = exponent;
}
