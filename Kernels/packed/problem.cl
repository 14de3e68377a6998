// A convolution of packed codes as a matrix product: every output pixel is a column, every filter a
// row, both of length K; `TileProblem` in Swift.
//
// K runs over taps, and for every tap over the units of x that hold the channels of a group: UNIT
// words that are loaded together. Unit s of K lies for the pixel whose window begins at (y, x) at
// `units[s].x` words from that place, and inside of x if (y + units[s].y, x + units[s].z) is.
// Elsewhere, and behind the last unit, stands `border`, the zero point's code in every place of a
// word; behind the last unit, weights are 0.
typedef struct {
  int pixels;            // of the result, of all images
  int groups;            // of channels
  int filters;           // of a group
  int firstBits, span;   // bits of x from a group's channels to the next; units of a tap
  int inputY, inputX;    // extents of x
  int outputY, outputX;  // extents of the result
  int strideY, strideX;  // of the window
  int originY, originX;  // where the first window begins
  int inputWords;        // from a pixel of x to the next
  int outputWords;       // from a pixel of the result to the next
  int otherWords;        // from a pixel of the other summand to the next
  int steps;             // of STEP_WORDS words of x each, that K has
  int rows;              // of weights of a group, whole tiles
} Problem;

#ifndef UNIT
#error "UNIT: 1, 2 or 4 words of x that are loaded together"
#endif
#ifndef XBITS
#error "XBITS: bits of a code of x, 1, 2, 4 or 8"
#endif

#if UNIT == 4
typedef uint4 unit_vector;
#elif UNIT == 2
typedef uint2 unit_vector;
#else
typedef uint unit_vector;
#endif
typedef union {
  unit_vector vector;
  uint words[UNIT];
} Unit;

// Where the window of an output pixel begins.
typedef struct {
  int y, x;
  int base;  // the word of x there
} Window;

// The window of a pixel for a group; of a pixel that is none, one that lies outside.
LB_FUNCTION Window window_of(__constant Problem *g, const int group, const int pixel) {
  const int plane = g->outputY * g->outputX;
  const int image = pixel / plane;
  const int rest = pixel - image * plane;
  const int row = rest / g->outputX;
  const int first = min(group * g->firstBits / (32 * UNIT), g->inputWords / UNIT - g->span);
  Window window;
  window.y = g->originY + row * g->strideY;
  window.x = g->originX + (rest - row * g->outputX) * g->strideX;
  window.base =
      ((image * g->inputY + window.y) * g->inputX + window.x) * g->inputWords + first * UNIT;
  if (pixel >= g->pixels) window.y = 1 << 29;
  return window;
}

LB_FUNCTION Unit load_unit(__constant Problem *g, __global const uint *x, const Window window,
                           const int4 unit, const uint border) {
  const bool isInside =
      (uint)(window.y + unit.y) < (uint)g->inputY && (uint)(window.x + unit.z) < (uint)g->inputX;
  Unit loaded;
  loaded.vector = (unit_vector)(border);
  if (isInside) loaded.vector = *(__global const unit_vector *)(x + window.base + unit.x);
  return loaded;
}
