// What a device can do at most: read memory, and multiply and add. Results are written so that no
// compiler leaves the work out; nobody looks at them.
//
// On processors a work-item is a group and has a part of its own; elsewhere neighbours take
// neighbours in turn.

#ifdef CPU
typedef uint16 part_t;
typedef float16 sums_t;
#define CHAINS 12
#else
typedef uint4 part_t;
typedef float4 sums_t;
#define CHAINS 8
#endif

__kernel void read_all(__global const part_t *restrict x, __global part_t *restrict seen,
                       ulong count) {
  const ulong item = get_global_id(0), items = get_global_size(0);
#ifdef CPU
  const ulong first = count * item / items, last = count * (item + 1) / items, step = 1;
#else
  const ulong first = item, last = count, step = items;
#endif
  part_t all = 0;
  for (ulong i = first; i < last; i += step) all |= x[i];
  seen[item] = all;
}

// Every work-item multiplies and adds `rounds` times in CHAINS chains that do not wait for each
// other.
__kernel void multiply_add(__global sums_t *restrict results, const float factor,
                           const float summand, uint rounds) {
  sums_t sums[CHAINS];
#pragma unroll
  for (int chain = 0; chain < CHAINS; ++chain) sums[chain] = (sums_t)((float)chain);
  for (uint round = 0; round < rounds; ++round) {
#pragma unroll
    for (int chain = 0; chain < CHAINS; ++chain)
      sums[chain] = fma(sums[chain], (sums_t)(factor), (sums_t)(summand));
  }
  sums_t sum = 0.0f;
#pragma unroll
  for (int chain = 0; chain < CHAINS; ++chain) sum += sums[chain];
  results[get_global_id(0)] = sum;
}
