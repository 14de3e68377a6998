// A border of repeated elements around a tensor.
//
// WORD: an unsigned integer as wide as an element. RANK: 1 to 8. MODE: 1 nearest element, 2
// mirrored without repeating the edge, 3 from the opposite side.
#if !defined(WORD) || !defined(RANK) || !defined(MODE)
#error "WORD, RANK, MODE"
#endif

typedef struct {
  int extents[8];  // of the result
  int inputs[8];   // extents of the input
  int before[8];   // elements before the input's first; negative crops
} Border;

// The remainder towards minus infinity.
LB_FUNCTION int lb_modulo(int value, int divisor) {
  const int remainder = value % divisor;
  return remainder < 0 ? remainder + divisor : remainder;
}

LB_FUNCTION int lb_source(int index, int extent) {
  if (index >= 0 && index < extent) return index;
#if MODE == 1
  return index < 0 ? 0 : extent - 1;
#elif MODE == 2
  if (extent == 1) return 0;
  const int folded = lb_modulo(index, 2 * (extent - 1));
  return min(folded, 2 * (extent - 1) - folded);
#else
  return lb_modulo(index, extent);
#endif
}

__kernel LB_GROUP void pad(__global const WORD *restrict from, __global WORD *restrict to,
                           __constant Border *border, const uint count) {
  FOR_EACH_ITEM(i, count) {
    uint rest = i;
    int offset = 0, stride = 1;
    for (int axis = RANK - 1; axis >= 0; axis--) {
      const uint outer = rest / (uint)border->extents[axis];
      const int index = (int)(rest - outer * (uint)border->extents[axis]) - border->before[axis];
      offset += lb_source(index, border->inputs[axis]) * stride;
      stride *= border->inputs[axis];
      rest = outer;
    }
    to[i] = from[offset];
  }
}
