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
                                                     __global const FACTOR *weights, int *sums,
                                                     long run) {
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
