// Products of PIXELS pixels with a block of 32 filters by 256-bit instructions, for processors
// without AVX-512 VNNI. As in multiply_vnni.cl the statements take nothing but addresses and
// numbers, within functions that are not inlined.
//
//   WIDE_FACTORS   `vpmaddwd`: two products of 16 bits to a sum of 32. Any weights less their zero
//                  points; [depth / 4][4 vectors of 8 filters][2][8 filters][2] of `short`: bytes 0
//                  and 2 of a pixel's four, then 1 and 3.
//   SUMS_16        `vpmaddubsw`: two products of bytes to a sum of 16 bits, which saturates and so
//                  must never get there: after `run` words sums of 16 bits are added to those of
//                  32. `safe_run` in weights.cl proves from the weights that they fit until then.
//   AVX_VNNI       `vpdpbusd` without AVX-512: four products of bytes to a sum of 32 bits.
//
// Weights of the last two: [depth / 4][32 filters][4 bytes].
#if PIXELS % 6 != 0
#error "PIXELS"
#endif
#if defined(WIDE_FACTORS) + defined(SUMS_16) + defined(AVX_VNNI) != 1
#error "WIDE_FACTORS, SUMS_16, AVX_VNNI"
#endif

// One instruction after the other.
// clang-format off
#define CLEAR(sum) "vpxor %%ymm" #sum ",%%ymm" #sum ",%%ymm" #sum "\n"
#define CLEAR_SUMS \
  CLEAR(0) CLEAR(1) CLEAR(2) CLEAR(3) CLEAR(4) CLEAR(5) \
  CLEAR(6) CLEAR(7) CLEAR(8) CLEAR(9) CLEAR(10) CLEAR(11)

#ifdef WIDE_FACTORS
#define PRODUCT(offset, codes, sum) \
  "vpmaddwd " #offset "(%[w]),%%ymm" #codes ",%%ymm14\n" \
  "vpaddd %%ymm14,%%ymm" #sum ",%%ymm" #sum "\n"
// Bytes 0 and 2, and 1 and 3, become 16 bits each.
#define PIXEL(address, a, b, c, d) \
  "vpbroadcastd " address ",%%ymm13\n" \
  "vpand %%ymm15,%%ymm13,%%ymm12\n" \
  "vpsrlw $8,%%ymm13,%%ymm13\n" \
  PRODUCT(0, 12, a) PRODUCT(64, 12, b) PRODUCT(128, 12, c) PRODUCT(192, 12, d) \
  PRODUCT(32, 13, a) PRODUCT(96, 13, b) PRODUCT(160, 13, c) PRODUCT(224, 13, d)
#define STORE(offset, a, b, c, d) \
  "vmovdqu %%ymm" #a "," #offset "(%[sums])\n" \
  "vmovdqu %%ymm" #b ",32+" #offset "(%[sums])\n" \
  "vmovdqu %%ymm" #c ",64+" #offset "(%[sums])\n" \
  "vmovdqu %%ymm" #d ",96+" #offset "(%[sums])\n"

// 3 pixels by 32 filters.
__attribute__((noinline)) static void multiply_part(__global const uchar *pixels, long pitch,
                                                    long words, long segments, long segment_step,
                                                    __global const FACTOR *weights, int *sums) {
  ulong a = (ulong)pixels, w = (ulong)weights;
  long count = words;
  __asm volatile(
      CLEAR_SUMS
      "vpcmpeqw %%ymm15,%%ymm15,%%ymm15\n"
      "vpsrlw $8,%%ymm15,%%ymm15\n"
      "1:\n"
      "mov %[words],%[count]\n"
      ".p2align 5\n"
      "2:\n"
      PIXEL("(%[a])", 0, 1, 2, 3)
      PIXEL("(%[a],%[s])", 4, 5, 6, 7)
      PIXEL("(%[a],%[s],2)", 8, 9, 10, 11)
      "add $256,%[w]\n"
      "add $4,%[a]\n"
      "dec %[count]\n"
      "jnz 2b\n"
      "add %[jump],%[a]\n"
      "dec %[segments]\n"
      "jnz 1b\n"
      STORE(0, 0, 1, 2, 3) STORE(128, 4, 5, 6, 7) STORE(256, 8, 9, 10, 11)
      "vzeroupper\n"
      : [a] "+&r"(a), [w] "+&r"(w), [count] "+&r"(count), [segments] "+&r"(segments)
      : [s] "r"(pitch), [words] "r"(words), [jump] "r"(segment_step), [sums] "r"(sums)
      : "memory", "cc");
}
#else
#ifdef AVX_VNNI
#define PRODUCTS(a, b) \
  "%{vex%} vpdpbusd %%ymm12,%%ymm14,%%ymm" #a "\n" \
  "%{vex%} vpdpbusd %%ymm13,%%ymm14,%%ymm" #b "\n"
#define WIDEN(sum)
#else
#define PRODUCTS(a, b) \
  "vpmaddubsw %%ymm12,%%ymm14,%%ymm15\n" \
  "vpmaddubsw %%ymm13,%%ymm14,%%ymm14\n" \
  "vpaddw %%ymm15,%%ymm" #a ",%%ymm" #a "\n" \
  "vpaddw %%ymm14,%%ymm" #b ",%%ymm" #b "\n"
// Times ones, so that a filter's two sums of 16 bits become one of 32.
#define WIDEN(sum) "vpmaddwd %%ymm15,%%ymm" #sum ",%%ymm" #sum "\n"
#endif
#define PIXEL(address, a, b) "vpbroadcastd " address ",%%ymm14\n" PRODUCTS(a, b)
#define ADD_SUM(offset, sum) \
  WIDEN(sum) \
  "vpaddd " #offset "(%[sums]),%%ymm" #sum ",%%ymm" #sum "\n" \
  "vmovdqu %%ymm" #sum "," #offset "(%[sums])\n" \
  CLEAR(sum)
#define ADD(offset, a, b) ADD_SUM(offset, a) ADD_SUM(32+offset, b)

// 6 pixels by 16 filters; adds to `sums`.
__attribute__((noinline)) static void multiply_part(__global const uchar *pixels, long pitch,
                                                    long words, long segments, long segment_step,
                                                    __global const FACTOR *weights, int *sums,
                                                    long run) {
  ulong a = (ulong)pixels, w = (ulong)weights;
  long left = words, count = words;
  __asm volatile(
      CLEAR_SUMS
      "1:\n"
      "mov %[words],%[left]\n"
      "2:\n"
      "mov %[run],%[count]\n"
      "cmp %[left],%[count]\n"
      "cmovg %[left],%[count]\n"
      "sub %[count],%[left]\n"
      ".p2align 5\n"
      "3:\n"
      "vmovdqu (%[w]),%%ymm12\n"
      "vmovdqu 32(%[w]),%%ymm13\n"
      PIXEL("(%[a])", 0, 1)
      PIXEL("(%[a],%[s])", 2, 3)
      PIXEL("(%[a],%[s],2)", 4, 5)
      PIXEL("(%[a],%[s3])", 6, 7)
      PIXEL("(%[a],%[s],4)", 8, 9)
      PIXEL("(%[a],%[s5])", 10, 11)
      "add $128,%[w]\n"
      "add $4,%[a]\n"
      "dec %[count]\n"
      "jnz 3b\n"
      "vpcmpeqw %%ymm15,%%ymm15,%%ymm15\n"
      "vpsrlw $15,%%ymm15,%%ymm15\n"
      ADD(0, 0, 1) ADD(128, 2, 3) ADD(256, 4, 5) ADD(384, 6, 7) ADD(512, 8, 9) ADD(640, 10, 11)
      "test %[left],%[left]\n"
      "jnz 2b\n"
      "add %[jump],%[a]\n"
      "dec %[segments]\n"
      "jnz 1b\n"
      "vzeroupper\n"
      : [a] "+&r"(a), [w] "+&r"(w), [count] "+&r"(count), [left] "+&r"(left),
        [segments] "+&r"(segments)
      : [s] "r"(pitch), [s3] "r"(3 * pitch), [s5] "r"(5 * pitch), [words] "r"(words),
        [jump] "r"(segment_step), [sums] "r"(sums), [run] "r"(run)
      : "memory", "cc");
}
#endif
// clang-format on

// sums[PIXELS][32] of `segments` runs of `words` words, which begin `segment_step` bytes after the
// end of the last; a pixel lies `pitch` bytes after the one before. `run`: words after which sums
// of 16 bits are emptied.
LB_FUNCTION void multiply_block(__global const uchar *pixels, long pitch, long words, long segments,
                                long segment_step, __global const FACTOR *weights, int *sums,
                                long run) {
#ifdef WIDE_FACTORS
  for (int pixel = 0; pixel < PIXELS; pixel += 3)
    multiply_part(pixels + pixel * pitch, pitch, words, segments, segment_step, weights,
                  sums + 32 * pixel);
#else
  for (int i = 0; i < 2 * PIXELS; ++i) ((int16 *)sums)[i] = 0;
  for (int pixel = 0; pixel < PIXELS; pixel += 6) {
    for (int part = 0; part < 2; ++part)
      multiply_part(pixels + pixel * pitch, pitch, words, segments, segment_step,
                    weights + 64 * part, sums + 32 * pixel + 16 * part, run);
  }
#endif
}
