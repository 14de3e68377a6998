// The sum of the codes of every window: int [pixels][groups].
//
// `masks` [groups][words of K] has all bits of the codes that belong to a group; the border counts.
// After problem.cl; STEP_WORDS as the tile kernel has it.

// Work-items: pixels, groups.
__kernel void sum_windows(__constant Problem *g, __global const int4 *restrict units,
                          __global const uint *restrict x, const uint border,
                          __global const uint *restrict masks, __global int *restrict sums) {
  const int pixel = get_global_id(0), group = get_global_id(1);
  if (pixel >= g->pixels) return;
  const Window window = window_of(g, group, pixel);
  const int count = g->steps * (STEP_WORDS / UNIT);
  masks += group * count * UNIT;
  uint sum = 0;
  for (int s = 0; s < count; s++) {
    const Unit loaded = load_unit(g, x, window, units[s], border);
    for (int word = 0; word < UNIT; word++) {
      const uint codes = loaded.words[word] & masks[s * UNIT + word];
      for (int part = 0; part < 8; part += XBITS) {
        const uint bytes = codes >> part & 0x01010101u * ((1u << XBITS) - 1u);
        const uint pairs = (bytes & 0x00ff00ffu) + (bytes >> 8 & 0x00ff00ffu);
        sum += (pairs & 0xffffu) + (pairs >> 16);
      }
    }
  }
  sums[pixel * g->groups + group] = (int)sum;
}
