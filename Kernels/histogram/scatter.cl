// Counts values into bins of power-of-two width with local atomics, for devices of many threads.
//
// `range` finds the extrema of every channel, `scatter` reads the bin width off them and counts:
// two passes over memory, which such devices have the bandwidth for. A group counts into a local
// table of WINDOW bins and adds what is not zero to the channel's table in global memory; where
// local memory holds fewer bins than there are, the host launches once a window.
//
// After histogram/facts.cl. Memory and facts are those of stream.cl, with one table a channel;
// `clear` initialises both.
//
// BINS    bins a side, a power of two
// WINDOW  bins of a local table, a divisor of 2 * BINS
// FIXED   defined where the bin width is given, as `exponent`

#ifndef WINDOW
#error "WINDOW: bins of a local table"
#endif
#define ZERO_COUNTERS 64
#define TABLE (2 * BINS + ZERO_COUNTERS)

__kernel void clear(__global uint *tables, __global int *all_facts) {
  const uint channel = get_group_id(0);
  for (uint i = get_local_id(0); i < TABLE; i += get_local_size(0))
    tables[(ulong)channel * TABLE + i] = 0;
  for (uint i = get_local_id(0); i < FACTS; i += get_local_size(0))
    all_facts[(ulong)channel * FACTS + i] = i == LOWEST     ? INT_MAX
                                            : i == HIGHEST  ? INT_MIN
                                            : i == SMALLEST ? -1
                                                            : 0;
}

// Calls BODY with the bits of every value of the group's slice of its channel: slices cut the outer
// runs where there are enough of them, and otherwise every run.
#define FOR_EACH_VALUE(BODY)                                                                       \
  const bool cuts_runs = outer < slices;                                                           \
  const ulong first_run = cuts_runs ? 0 : outer * slice / slices;                                  \
  const ulong last_run = cuts_runs ? outer : outer * (slice + 1) / slices;                         \
  const ulong first_place = cuts_runs ? inner * slice / slices : 0;                                \
  const ulong last_place = cuts_runs ? inner * (slice + 1) / slices : inner;                       \
  for (ulong run = first_run; run < last_run; ++run) {                                             \
    __global const float *values = x + (run * extent + channel) * inner;                           \
    for (ulong place = first_place + get_local_id(0); place < last_place;                          \
         place += get_local_size(0)) {                                                             \
      const uint bits = as_uint(values[place]);                                                    \
      BODY                                                                                         \
    }                                                                                              \
  }

__kernel void range(__global const float *x, __global int *all_facts, ulong outer, ulong extent,
                    ulong inner, uint first_channel, uint slices) {
  const uint group = get_group_id(0);
  const uint nth = group / slices, slice = group - nth * slices;  // one division
  const uint channel = first_channel + nth;
  __local int lowest, highest;
  __local uint smallest, largest;
  if (get_local_id(0) == 0) {
    lowest = INT_MAX;
    highest = INT_MIN;
    smallest = UINT_MAX;
    largest = 0;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  int low = INT_MAX, high = INT_MIN;
  uint small = UINT_MAX, large = 0;
  FOR_EACH_VALUE(if ((bits & 0x7fffffffu) < INFINITE) {
    low = min(low, as_int(bits));
    high = max(high, as_int(bits));
    small = min(small, bits);
    large = max(large, bits);
  })
  atomic_min(&lowest, low);
  atomic_max(&highest, high);
  atomic_min(&smallest, small);
  atomic_max(&largest, large);
  barrier(CLK_LOCAL_MEM_FENCE);
  if (get_local_id(0) == 0) {
    __global int *facts = all_facts + (ulong)nth * FACTS;
    atomic_min(facts + LOWEST, lowest);
    atomic_max(facts + HIGHEST, highest);
    atomic_min((volatile __global uint *)facts + SMALLEST, smallest);
    atomic_max((volatile __global uint *)facts + LARGEST, largest);
  }
}

__kernel void scatter(__global const float *x, __global uint *tables, __global int *all_facts,
                      ulong outer, ulong extent, ulong inner, uint first_channel, uint slices,
                      int exponent, uint window) {
  const uint group = get_group_id(0);
  const uint nth = group / slices, slice = group - nth * slices;  // one division
  const uint channel = first_channel + nth;
  __global int *facts = all_facts + (ulong)nth * FACTS;
  __local uint table[WINDOW];
  __local uint others[CLIPPED_ABOVE + 1];
  for (uint i = get_local_id(0); i < WINDOW; i += get_local_size(0)) table[i] = 0;
  for (uint i = get_local_id(0); i <= CLIPPED_ABOVE; i += get_local_size(0)) others[i] = 0;
  barrier(CLK_LOCAL_MEM_FENCE);
#ifndef FIXED
  // As unsigned numbers, the bits of negative values are above all others.
  exponent = needed_exponent(max((uint)max(facts[HIGHEST], 0),
                                 facts[LARGEST] < 0 ? as_uint(facts[LARGEST]) & 0x7fffffffu : 0u));
#endif
  const float scale = power_of_two(-exponent);
  uint zeros = 0;
  FOR_EACH_VALUE({
    const uint magnitude = bits & 0x7fffffffu;
    const bool negative = bits >> 31;
    if (magnitude == 0) {
      ++zeros;
    } else if (magnitude >= INFINITE) {
      atomic_inc(others + (magnitude > INFINITE ? NANS
                           : negative           ? NEGATIVE_INFINITIES
                                                : POSITIVE_INFINITIES));
    } else {
      const float steps = as_float(magnitude) * scale;
      uint bin = BINS - 1;
      if (steps < (float)BINS)
        bin = convert_uint_rtz(steps);
      else
        atomic_inc(others + (negative ? CLIPPED_BELOW : CLIPPED_ABOVE));
      const uint position = (negative ? BINS - 1 - bin : BINS + bin) - window;
      if (position < WINDOW) atomic_inc(table + position);
    }
  })
  atomic_add(others + ZEROS, zeros);
  barrier(CLK_LOCAL_MEM_FENCE);
  __global uint *all = tables + (ulong)nth * TABLE + window;
  for (uint i = get_local_id(0); i < WINDOW; i += get_local_size(0))
    if (table[i] != 0) atomic_add(all + i, table[i]);
  if (window == 0) {
    for (uint i = ZEROS + get_local_id(0); i <= CLIPPED_ABOVE; i += get_local_size(0))
      if (others[i] != 0) atomic_add((volatile __global uint *)facts + i, others[i]);
    if (get_local_id(0) == 0 && slice == 0) facts[EXPONENT] = exponent;
  }
}
