// to[o][k][i] = from[o][indices[k]][i]
//
// WORD: an unsigned integer as wide as an element. An index outside of the axis, which the caller
// excludes, reads the nearest element instead of foreign memory.
#ifndef WORD
#error "WORD"
#endif

__kernel LB_GROUP void gather(__global const WORD *restrict from,
                              __global const long *restrict indices, __global WORD *restrict to,
                              const uint extent, const uint chosen, const uint inner,
                              const uint count) {
  FOR_EACH_ITEM(i, count) {
    const uint row = i / inner;
    const uint outer = row / chosen;
    const long index = clamp(indices[row - outer * chosen], 0l, (long)extent - 1l);
    to[i] = from[(outer * extent + (uint)index) * inner + (i - row * inner)];
  }
}
