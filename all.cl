#define CPU 1
#define LB_EXACT_DIVISION 1
#define PIXELS 14
#define ROUNDING 0
#define RESULT uchar
#define WEIGHT char
// Opens every program: exact arithmetic, one way of rounding.
#pragma OPENCL FP_CONTRACT OFF

#define LB_FUNCTION static inline __attribute__((unused))
#define LB_CONSTANT __constant

// Work over `count` independent elements. A CPU's work-item is a loop over ITEMS neighbours, which
// the driver's compiler turns into vectors, in a group of its own; a GPU's is one element.
//
//   __kernel LB_GROUP void f(..., const uint count) {
//     FOR_EACH_ITEM(i, count) to[i] = ...;
//   }
//
// `OpenCLBackend.launchItems` knows the same numbers.
#ifdef CPU
#define LB_GROUP __attribute__((reqd_work_group_size(1, 1, 1)))
#define LB_ITEMS 8192u
#define FOR_EACH_ITEM(i, count)                                                                    \
  const uint lb_first = (uint)get_global_id(0) * LB_ITEMS;                                         \
  const uint lb_last = min(lb_first + LB_ITEMS, count);                                            \
  for (uint i = lb_first; i < lb_last; i++)
#else
#define LB_GROUP
#define LB_ITEMS 1u
#define FOR_EACH_ITEM(i, count)                                                                    \
  const uint i = (uint)get_global_id(0);                                                           \
  if (i < count)
#endif

// Correctly rounded division and square root, in the subset that C and OpenCL C share.
//
// OpenCL allows x / y an error of 2.5 ulp and sqrt(x) 3 ulp. Here an approximation is corrected by
// Newton steps and then settled by its exact remainder (fma gives a - b*q without rounding for q
// within an ulp of a / b), after Markstein, "IA-64 and Elementary Functions", chapter 8.
//
// What holds: lb_divide and lb_sqrt equal IEEE 754 in every case (zeros, infinities, NaN but for
// its payload, overflow and subnormal results included), and need no subnormal number on the way:
// where operands or quotient are so large or so small that a remainder could be subnormal, the
// quotient is found in integers. A device that flushes subnormals may still flush operands before
// or results after.
//
// Define LB_EXACT_DIVISION where `/` and sqrt are correctly rounded already: C, and programs built
// with -cl-fp32-correctly-rounded-divide-sqrt.

#ifndef LB_FUNCTION
#define LB_FUNCTION static inline __attribute__((unused))
#endif

// The float nearest to a / b for normal a, b and a / b with exponents in the middle of the range,
// from an approximation of 1 / b whose relative error is below 2^-12.
LB_FUNCTION float lb_divide_from(float a, float b, float reciprocal) {
  float y = fma(fma(-b, reciprocal, 1.0f), reciprocal, reciprocal);
  y = fma(fma(-b, y, 1.0f), y, y);
  float q = a * y;
  q = fma(fma(-b, q, a), y, q);
  // q is one of the two floats around a / b, or nearer; the remainder says which is nearest. The
  // neighbour away from zero wins when it leaves the smaller remainder. No quotient of two floats
  // lies half way between two normal floats.
  float remainder = fma(-b, q, a);
  bool outwards = (remainder < 0.0f) == ((as_int(b) ^ as_int(q)) < 0);
  float other = as_float(outwards ? as_int(q) + 1 : as_int(q) - 1);
  float otherRemainder = fma(-b, other, a);
  return fabs(otherRemainder) < fabs(remainder) ? other : q;
}

// Mantissa of a nonzero finite number as an integer in [2^23, 2^24), its exponent in *exponent.
LB_FUNCTION uint lb_mantissa(float x, int *exponent) {
  uint bits = (uint)as_int(x) & 0x7fffffffu;
  if (bits >= 0x00800000u) {
    *exponent = (int)(bits >> 23) - 150;
    return (bits & 0x007fffffu) | 0x00800000u;
  }
  int e = -149;
  while (bits < 0x00800000u) {
    bits <<= 1;
    e -= 1;
  }
  *exponent = e;
  return bits;
}

// a / b for any operands, by integer division of the mantissas.
LB_FUNCTION float lb_divide_anything(float a, float b) {
  uint sign = ((uint)as_int(a) ^ (uint)as_int(b)) & 0x80000000u;
  uint x = (uint)as_int(a) & 0x7fffffffu, y = (uint)as_int(b) & 0x7fffffffu;
  if (x > 0x7f800000u || y > 0x7f800000u || (x == y && (x == 0u || x == 0x7f800000u)))
    return as_float(0x7fc00000);
  if (x == 0x7f800000u || y == 0u) return as_float((int)(sign | 0x7f800000u));
  if (x == 0u || y == 0x7f800000u) return as_float((int)sign);
  int ea, eb;
  ulong n = (ulong)lb_mantissa(a, &ea) << 26;
  ulong d = (ulong)lb_mantissa(b, &eb);
  ulong q = n / d;  // in (2^25, 2^27)
  int e = ea - eb - 26;
  uint sticky = n - q * d != 0ul ? 1u : 0u;
  // Bits to drop so that 24 remain, or fewer where the result is subnormal.
  int drop = q >= (1ul << 26) ? 3 : 2;
  if (e + drop < -149) drop = -149 - e;
  if (drop > 30) return as_float((int)sign);
  uint kept = (uint)(q >> drop);
  uint rest = (uint)(q & ((1ul << drop) - 1ul));
  uint half_way = 1u << (drop - 1);
  if (rest > half_way || (rest == half_way && (sticky != 0u || (kept & 1u) != 0u))) kept += 1u;
  // A mantissa of 2^24 after rounding carries into the exponent by itself.
  int biased = e + drop + 149;  // 0: subnormal
  if (biased >= 254) return as_float((int)(sign | 0x7f800000u));
  return as_float((int)(sign | (((uint)biased << 23) + kept)));
}

#ifdef LB_EXACT_DIVISION
LB_FUNCTION float lb_divide(float a, float b) { return a / b; }
#else
LB_FUNCTION float lb_divide(float a, float b) {
  // Exponent fields; the window keeps quotient, reciprocal and remainders normal.
  uint ea = ((uint)as_int(a) >> 23) & 255u, eb = ((uint)as_int(b) >> 23) & 255u;
  bool middle = ea - 77u < 101u && eb - 77u < 101u;
  return middle ? lb_divide_from(a, b, 1.0f / b) : lb_divide_anything(a, b);
}
#endif

// The float nearest to the square root of a normal x with an exponent in the middle of the range,
// from an approximation of it whose relative error is below 2^-12.
LB_FUNCTION float lb_sqrt_from(float x, float root, float reciprocal) {
  float s = fma(fma(-root, root, x) * reciprocal, 0.5f, root);
  s = fma(fma(-s, s, x) * reciprocal, 0.5f, s);
  // s is within an ulp. With u the ulp towards the neighbour t, the root lies beyond the middle
  // s + u/2 exactly when x - s^2 > s*u (+ u^2/4, which never decides: all is a multiple of u^2).
  float remainder = fma(-s, s, x);
  float up = as_float(as_int(s) + 1), down = as_float(as_int(s) - 1);
  float above = fma(-s, up, x);    // x - s*(s + u)
  float below = fma(-s, down, x);  // x - s*(s - u)
  return remainder > 0.0f && above > 0.0f ? up : remainder < 0.0f && below <= 0.0f ? down : s;
}

#ifdef LB_EXACT_DIVISION
LB_FUNCTION float lb_sqrt(float x) { return sqrt(x); }
#else
LB_FUNCTION float lb_sqrt(float x) {
  if (!(x > 0.0f) || as_int(x) >= 0x7f800000)
    return x == 0.0f || as_int(x) == 0x7f800000 ? x : as_float(0x7fc00000);
  int e;
  uint m = lb_mantissa(x, &e);  // x = m * 2^e
  int odd = e & 1;
  // y = m * 2^(odd - 24) lies in [1/2, 2); the root of x is its root times 2^((e + 24 - odd) / 2).
  float y = (float)m * (odd ? 0x1p-23f : 0x1p-24f);
  float root = sqrt(y);
  float s = lb_sqrt_from(y, root, 1.0f / root);
  return s * as_float((((e + 24 - odd) >> 1) + 127) << 23);
}
#endif

// What the kernels of packed convolution share: sizes and places.
//
// Channels of x lie last, a pixel after the other; see `CodeLayout`. A group has filters in blocks
// of 32, the last filled up. `Geometry` is written by `PackedGeometry` in Swift.

typedef struct {
  int batch, groups;
  // Of a group.
  int channels, filters;
  int height, width;
  int out_height, out_width;
  int kernel_height, kernel_width;
  int stride_height, stride_width;
  int dilation_height, dilation_width;
  int pad_top, pad_left;
  // Bytes of a pixel of x and of y.
  int x_pixel, y_pixel;
  // Bytes that the channels of a tap take among the products: a multiple of 4.
  int tap;
  // Bytes from a gathered pixel to the next.
  int pitch;
  // Blocks of filters of a group.
  int blocks;
  // Output pixels of all images.
  int pixels;
  // Tiles of PIXELS pixels that a work-item gathers at once, and blocks that it computes.
  int chunk_tiles, part_blocks;
  // The code that the border has.
  int x_zero;
  // The epilogue's zero point and codes.
  int zero, lowest, highest;
  // The other summand's zero point, the result's zero point and codes.
  int other_zero, result_zero, result_lowest, result_highest;
} Geometry;

#define BLOCK 32

// Products of PIXELS pixels with a block of 32 filters by `vpdpbusd`, which multiplies 64 unsigned
// by 64 signed bytes and adds every four neighbouring products to one of 16 sums, without
// saturation.
//
// Weights: [depth / 4][32 filters][4 bytes]. Four bytes of a pixel are broadcast to all lanes; sums
// of 14 pixels by 32 filters stay in 28 registers. The one statement takes nothing but addresses
// and numbers, because Intel's compiler neither has vector operands nor lets a statement name the
// vector registers that it changes: they are free within a function that is not inlined, as the
// calling convention of x86-64 has no vector register that a function must keep.
#if PIXELS < 1 || PIXELS > 14
#error "PIXELS"
#endif

// Pixels 0 to 4 are reached from %[a], 5 to 9 from %[b], 10 to 13 from %[c].
#define ROW(address, first, second)                                                                \
  "vpbroadcastd " address ",%%zmm30\n"                                                             \
  "vpdpbusd %%zmm28,%%zmm30,%%zmm" #first "\n"                                                     \
  "vpdpbusd %%zmm29,%%zmm30,%%zmm" #second "\n"
#define CLEAR(first, second)                                                                       \
  "vpxord %%zmm" #first ",%%zmm" #first ",%%zmm" #first "\n"                                       \
  "vpxord %%zmm" #second ",%%zmm" #second ",%%zmm" #second "\n"
#define STORE(offset, first, second)                                                               \
  "vmovdqu64 %%zmm" #first "," #offset "(%[sums])\n"                                               \
  "vmovdqu64 %%zmm" #second ",64+" #offset "(%[sums])\n"

#if PIXELS > 1
#define IF1(text) text
#else
#define IF1(text)
#endif
#if PIXELS > 2
#define IF2(text) text
#else
#define IF2(text)
#endif
#if PIXELS > 3
#define IF3(text) text
#else
#define IF3(text)
#endif
#if PIXELS > 4
#define IF4(text) text
#else
#define IF4(text)
#endif
#if PIXELS > 5
#define IF5(text) text
#else
#define IF5(text)
#endif
#if PIXELS > 6
#define IF6(text) text
#else
#define IF6(text)
#endif
#if PIXELS > 7
#define IF7(text) text
#else
#define IF7(text)
#endif
#if PIXELS > 8
#define IF8(text) text
#else
#define IF8(text)
#endif
#if PIXELS > 9
#define IF9(text) text
#else
#define IF9(text)
#endif
#if PIXELS > 10
#define IF10(text) text
#else
#define IF10(text)
#endif
#if PIXELS > 11
#define IF11(text) text
#else
#define IF11(text)
#endif
#if PIXELS > 12
#define IF12(text) text
#else
#define IF12(text)
#endif
#if PIXELS > 13
#define IF13(text) text
#else
#define IF13(text)
#endif

#define STEP(d)                                                                                    \
  "vmovdqu64 (%[w]),%%zmm28\n vmovdqu64 64(%[w]),%%zmm29\n" ROW("(%[a])", 0, 1)                    \
      IF1(ROW("(%[a],%[s])", 2, 3)) IF2(ROW("(%[a],%[s],2)", 4, 5)) IF3(ROW("(%[a],%[s3])", 6, 7)) \
          IF4(ROW("(%[a],%[s],4)", 8, 9)) IF5(ROW("(%[b])", 10, 11))                               \
              IF6(ROW("(%[b],%[s])", 12, 13)) IF7(ROW("(%[b],%[s],2)", 14, 15))                    \
                  IF8(ROW("(%[b],%[s3])", 16, 17)) IF9(ROW("(%[b],%[s],4)", 18, 19))               \
                      IF10(ROW("(%[c])", 20, 21)) IF11(ROW("(%[c],%[s])", 22, 23))                 \
                          IF12(ROW("(%[c],%[s],2)", 24, 25)) IF13(ROW("(%[c],%[s3])", 26, 27))

// sums[PIXELS][32] of `segments` runs of `words` words, which begin `segment_step` bytes after the
// end of the last; a pixel lies `pitch` bytes after the one before.
__attribute__((noinline)) static void multiply_block(__global const uchar *pixels, long pitch,
                                                     long words, long segments, long segment_step,
                                                     __global const FACTOR *weights, int *sums) {
  ulong a = (ulong)pixels, b = a + 5 * pitch, c = a + 10 * pitch, w = (ulong)weights;
  long count = words;
  __asm volatile(
      CLEAR(0, 1) CLEAR(2, 3) CLEAR(4, 5) CLEAR(6, 7) CLEAR(8, 9) CLEAR(10, 11) CLEAR(12, 13)
          CLEAR(14, 15) CLEAR(16, 17) CLEAR(18, 19) CLEAR(20, 21) CLEAR(22, 23) CLEAR(24, 25) CLEAR(
              26, 27) "1:\n"
                      "mov %[words],%[count]\n"
                      ".p2align 5\n"
                      "2:\n" STEP(
                          0) "add $128,%[w]\n add $4,%[a]\n add $4,%[b]\n add $4,%[c]\n"
                             "dec %[count]\n jnz 2b\n"
                             "add %[jump],%[a]\n add %[jump],%[b]\n add %[jump],%[c]\n"
                             "dec %[segments]\n jnz 1b\n" STORE(0, 0, 1) IF1(STORE(128, 2, 3))
                                 IF2(STORE(256, 4, 5)) IF3(STORE(384, 6, 7)) IF4(STORE(512, 8, 9))
                                     IF5(STORE(640, 10, 11)) IF6(STORE(768, 12, 13))
                                         IF7(STORE(896, 14, 15)) IF8(STORE(1024, 16, 17))
                                             IF9(STORE(1152, 18, 19)) IF10(STORE(1280, 20, 21))
                                                 IF11(STORE(1408, 22, 23)) IF12(STORE(1536, 24, 25))
                                                     IF13(STORE(1664, 26, 27))
      : [a] "+&r"(a), [b] "+&r"(b), [c] "+&r"(c), [w] "+&r"(w), [count] "+&r"(count),
        [segments] "+&r"(segments)
      : [s] "r"(pitch), [s3] "r"(3 * pitch), [words] "r"(words), [jump] "r"(segment_step),
        [sums] "r"(sums)
      : "memory", "cc");
}

// The pixels under a window, one window after the other, as the products read them.

// 4 * `words` bytes.
LB_FUNCTION void copy_words(__global const uchar *from, __global uchar *to, int words) {
  for (int word = 0; word < words; ++word)
    ((__global uint *)to)[word] = ((__global const uint *)from)[word];
}

// `bytes` bytes, a multiple of 32, between addresses that are multiples of 32.
LB_FUNCTION void copy_vectors(__global const uchar *from, __global uchar *to, int bytes) {
  for (int i = 0; i < bytes / 32; ++i)
    ((__global uint8 *)to)[i] = ((__global const uint8 *)from)[i];
}

// `bytes` bytes, a multiple of 4, of the border's code.
LB_FUNCTION void fill_border(__constant Geometry *g, __global uchar *to, int bytes) {
  const uint word = (uint)g->x_zero * 0x01010101u;
  if (g->tap % 32 == 0) {
    for (int i = 0; i < bytes / 32; ++i) ((__global uint8 *)to)[i] = word;
  } else {
    for (int i = 0; i < bytes / 4; ++i) ((__global uint *)to)[i] = word;
  }
}

// The channels of `group` of `taps` neighbouring pixels.
LB_FUNCTION void copy_taps(__constant Geometry *g, __global const uchar *pixel, int group,
                           __global uchar *to, int taps) {
  if (g->groups == 1 && g->x_pixel == 4) {
    copy_words(pixel, to, taps);
  } else if (g->groups == 1) {
    copy_vectors(pixel, to, taps * g->tap);
  } else {
    pixel += group * g->channels;
    for (int tap = 0; tap < taps; ++tap, pixel += g->x_pixel, to += g->tap) {
      if (g->channels % 32 == 0) {
        copy_vectors(pixel, to, g->channels);
      } else {
        for (int c = 0; c < g->tap; ++c) to[c] = c < g->channels ? pixel[c] : 0;
      }
    }
  }
}

// `taps` neighbouring pixels of row `y` from column `left` on, the border where there are none.
LB_FUNCTION void gather_run(__constant Geometry *g, __global const uchar *x, int image, int y,
                            int left, int group, __global uchar *to, int taps) {
  if (y < 0 || y >= g->height) {
    fill_border(g, to, taps * g->tap);
    return;
  }
  const int first = clamp(-left, 0, taps), last = clamp(g->width - left, first, taps);
  const long pixel = ((long)image * g->height + y) * g->width + left + first;
  if (first > 0) fill_border(g, to, first * g->tap);
  if (last > first) copy_taps(g, x + pixel * g->x_pixel, group, to + first * g->tap, last - first);
  if (last < taps) fill_border(g, to + last * g->tap, (taps - last) * g->tap);
}

// The window at (top, left) to `to`.
LB_FUNCTION void gather_window(__constant Geometry *g, __global const uchar *x, int image, int top,
                               int left, int group, __global uchar *to) {
  for (int ky = 0; ky < g->kernel_height; ++ky) {
    const int y = top + ky * g->dilation_height;
    if (g->dilation_width == 1) {
      gather_run(g, x, image, y, left, group, to, g->kernel_width);
      to += g->kernel_width * g->tap;
    } else {
      for (int kx = 0; kx < g->kernel_width; ++kx, to += g->tap)
        gather_run(g, x, image, y, left + kx * g->dilation_width, group, to, 1);
    }
  }
}

// From sums to codes, 16 filters at a time.
//
// ROUNDING: 0 float, 1 integer, 2 shift, 3 floorShift, as `Rounding` in Swift numbers them; none
// for sums as they are. RESIDUAL: there is another summand. Parameters: [3][filters of all groups,
// filled up to blocks] of `int`: what is added to a sum, the multiplier (the bits of a float where
// ROUNDING is 0), the shift.

#if defined(ROUNDING)
typedef struct {
  // Of the codes, of the result where there is another summand.
  int zero, lowest, highest, result_zero, result_lowest, result_highest, other_zero;
  int16 addend;
#if ROUNDING == 0
  float16 multiplier;
#else
  int16 multiplier, shift;
#endif
} Parameters;

// Copies what a loop over pixels needs, as its stores keep compilers from doing so.
LB_FUNCTION Parameters load_parameters(__constant Geometry *g, __global const int *table, int count,
                                       int at) {
  Parameters parameters;
  parameters.zero = g->zero;
  parameters.lowest = g->lowest - g->zero;
  parameters.highest = g->highest - g->zero;
  parameters.result_zero = g->result_zero;
  parameters.result_lowest = g->result_lowest - g->result_zero;
  parameters.result_highest = g->result_highest - g->result_zero;
  parameters.other_zero = g->other_zero;
  // Vectors of a type of their own, because drivers read vload16 in parts.
  __global const int16 *vectors = (__global const int16 *)(table + at);
  parameters.addend = *vectors;
#if ROUNDING == 0
  parameters.multiplier = as_float16(vectors[count / 16]);
#else
  parameters.multiplier = vectors[count / 16];
  parameters.shift = vectors[2 * (count / 16)];
#endif
  return parameters;
}

// 64 bits, because a product has as many, and half a unit may be added to any sum.
LB_FUNCTION long16 wide(int16 value) { return convert_long16(value); }

// The nearest whole number to each of `values`, ties to even, between whole numbers below 2^20;
// plus `zero`. At 1.5 * 2^23 the last bit of a float is a unit, and addition rounds to it.
LB_FUNCTION int16 whole_code(float16 values, int lowest, int highest, int zero) {
  const float16 lower = (float)lowest, upper = (float)highest;
  values = values < lower ? lower : values;
  values = values > upper ? upper : values;
  return as_int16(values + 0x1.8p23f) + (zero - 0x4b400000);
}

LB_FUNCTION int16 rounded_code(const Parameters *p, int16 sum) {
  sum += p->addend;
#if ROUNDING == 0
  const float16 value = convert_float16(sum) * p->multiplier;
  // The bounds are whole, so that rounding after clipping is rounding before.
  return whole_code(value, p->lowest, p->highest, p->zero);
#else
#if ROUNDING == 1
  const long16 shift = wide(p->shift);
  const long16 value = (wide(sum) * wide(p->multiplier) + ((long16)1 << (shift - 1))) >> shift;
#elif ROUNDING == 2
  const long16 shift = wide(p->shift);
  const long16 value = (wide(sum) + (((long16)1 << shift) >> 1)) >> shift;
#else
  const long16 value = wide(sum >> p->shift);
#endif
  return convert_int16(clamp(value, (long16)p->lowest, (long16)p->highest)) + p->zero;
#endif
}

#ifdef LB_EXACT_DIVISION
LB_FUNCTION float16 divide(float16 a, float b) { return a / b; }
#else
LB_FUNCTION float16 divide(float16 a, float b) {
  float values[16];
  vstore16(a, 0, values);
  for (int i = 0; i < 16; ++i) values[i] = lb_divide(values[i], b);
  return vload16(0, values);
}
#endif

// The code of what `code` and the other summand stand for together. `scales`: of `code`, of the
// other one, of the result.
LB_FUNCTION int16 joined_code(const Parameters *p, int16 code, int16 other, const float4 scales) {
  const float16 own = convert_float16(code - p->zero) * scales.x;
  const float16 its = convert_float16(other - p->other_zero) * scales.y;
  return whole_code(divide(own + its, scales.z), p->result_lowest, p->result_highest,
                    p->result_zero);
}
#endif

// Convolution of bytes, channels last, into bytes or sums.
//
// Pixels of the output are numbered image by image, row by row, and cut into tiles of PIXELS; a
// work-item has some tiles, which may reach over rows and images, and some blocks of 32 filters. It
// gathers what the windows of its tiles cover into `windows`, its own memory, where they stay while
// all filters pass: a copy of a byte for every filter's product with it. Where a tile's windows lie
// in x as the products want them, they are not copied.
#ifndef PIXELS
#error "PIXELS"
#endif
#define MAX_TILES 32

// Where the windows of a tile lie.
typedef struct {
  __global const uchar *pixels;
  long pitch, words, segments, segment_step;
} Tile;

// Whether pixels of y and x are the same, so that a tile lies in x as it is.
LB_FUNCTION bool is_product(__constant Geometry *g) {
  return g->groups == 1 && g->kernel_height * g->kernel_width == 1 &&
         g->stride_height * g->stride_width == 1 && g->height == g->out_height &&
         g->width == g->out_width && g->pad_top == 0 && g->pad_left == 0;
}

// Whether no window of a tile of neighbours of a row, the first at (top, left), reaches into the
// border.
LB_FUNCTION bool lies_inside(__constant Geometry *g, int top, int left) {
  const int columns = (PIXELS - 1) * g->stride_width + g->kernel_width;
  return left >= 0 && left + columns <= g->width && top >= 0 &&
         top + (g->kernel_height - 1) * g->dilation_height < g->height;
}

// The tile of neighbours of a row whose first window is at (top, left): in x if all of it is there,
// else with a border around it.
LB_FUNCTION Tile find_row(__constant Geometry *g, __global const uchar *x, int image, int top,
                          int left, __global uchar *windows) {
  const int columns = (PIXELS - 1) * g->stride_width + g->kernel_width;
  Tile tile;
  tile.pitch = g->stride_width * g->tap;
  tile.words = g->kernel_width * g->tap / 4;
  tile.segments = g->kernel_height;
  if (lies_inside(g, top, left)) {
    const long line = (long)g->width * g->x_pixel;
    tile.pixels = x + ((long)image * g->height + top) * line + (long)left * g->x_pixel;
    tile.segment_step = g->dilation_height * line - 4 * tile.words;
    return tile;
  }
  for (int ky = 0; ky < g->kernel_height; ++ky)
    gather_run(g, x, image, top + ky * g->dilation_height, left, 0, windows + ky * columns * g->tap,
               columns);
  tile.pixels = windows;
  tile.segment_step = columns * g->tap - 4 * tile.words;
  return tile;
}

// Prepares the tile whose first pixel is `first`.
LB_FUNCTION Tile find_tile(__constant Geometry *g, __global const uchar *x, int group, int first,
                           __global uchar *windows) {
  const bool is_full = first + PIXELS <= g->pixels;
  Tile tile;
  tile.segments = 1;
  tile.segment_step = 0;
  if (is_full && is_product(g)) {
    tile.pixels = x + (long)first * g->x_pixel;
    tile.pitch = g->x_pixel;
    tile.words = g->tap / 4;
    return tile;
  }
  const int plane = g->out_height * g->out_width;
  int image = first / plane, row = first % plane / g->out_width, column = first % g->out_width;
  int top = row * g->stride_height - g->pad_top, left = column * g->stride_width - g->pad_left;
  if (is_full && column + PIXELS <= g->out_width && g->groups == 1 && g->dilation_width == 1 &&
      (g->stride_width <= g->kernel_width || lies_inside(g, top, left)))
    return find_row(g, x, image, top, left, windows);
  for (int p = 0; p < PIXELS; ++p) {
    gather_window(g, x, image, top, left, group, windows + (long)p * g->pitch);
    // Beyond the last pixel it is gathered again.
    if (first + p + 1 < g->pixels) {
      left += g->stride_width;
      if (++column == g->out_width) {
        column = 0;
        left = -g->pad_left;
        top += g->stride_height;
        if (++row == g->out_height) {
          row = 0;
          top = -g->pad_top;
          ++image;
        }
      }
    }
  }
  tile.pixels = windows;
  tile.pitch = g->pitch;
  tile.words = g->kernel_height * g->kernel_width * g->tap / 4;
  return tile;
}

// Work-items: chunks of tiles, parts of blocks, groups. A work-item takes every n-th chunk.
__kernel LB_GROUP void convolve(__global const uchar *x, __global const FACTOR *weights,
                                __global const int *table, const float4 scales,
                                __global const uchar *other, __global RESULT *y,
                                __global uchar *all_windows, __constant Geometry *g) {
  const int tiles = (g->pixels + PIXELS - 1) / PIXELS;
  const int chunks = (tiles + g->chunk_tiles - 1) / g->chunk_tiles;
  const int group = get_global_id(2);
  const int first_block = (int)get_global_id(1) * g->part_blocks;
  const int last_block = min(first_block + g->part_blocks, g->blocks);
  const long item =
      (get_global_id(2) * get_global_size(1) + get_global_id(1)) * get_global_size(0) +
      get_global_id(0);
  const long tile_bytes = (long)PIXELS * g->pitch;
  const long block_weights = (long)g->kernel_height * g->kernel_width * g->tap * BLOCK;
  __global uchar *windows = all_windows + item * g->chunk_tiles * tile_bytes;
  Tile found[MAX_TILES];
  int16 sums[PIXELS * BLOCK / 16];
  for (int chunk = get_global_id(0); chunk < chunks; chunk += get_global_size(0)) {
    const int first = chunk * g->chunk_tiles;
    const int count = min(g->chunk_tiles, tiles - first);
    for (int i = 0; i < count; ++i)
      found[i] = find_tile(g, x, group, (first + i) * PIXELS, windows + i * tile_bytes);
    for (int block = first_block; block < last_block; ++block) {
      __global const FACTOR *factors = weights + (group * g->blocks + block) * block_weights;
      for (int i = 0; i < count; ++i) {
        multiply_block(found[i].pixels, found[i].pitch, found[i].words, found[i].segments,
                       found[i].segment_step, factors, (int *)sums);
        const int pixel = (first + i) * PIXELS;
        for (int part = 0; part < BLOCK / 16; ++part)
          finish_pixels(g, sums + part, BLOCK / 16, table, scales, other, y, pixel,
                        min(PIXELS, g->pixels - pixel), group, block * BLOCK + 16 * part);
      }
    }
  }
}

