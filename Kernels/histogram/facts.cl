// What both forms of counting know of a channel beside its bins, and how wide bins have to be.
//
// BINS  bins a side, a power of two
#ifndef BINS
#error "BINS: number of bins a side"
#endif
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
