// What a processor with `vpdpbusd` can do at most on codes: products of 64 unsigned by 64 signed
// bytes into 24 registers that do not wait for each other. Registers as in packed/multiply_vnni.cl.

// One row after the other.
// clang-format off
#define SUMS(ROW) \
  ROW(0) ROW(1) ROW(2) ROW(3) ROW(4) ROW(5) ROW(6) ROW(7) ROW(8) ROW(9) ROW(10) ROW(11) \
  ROW(12) ROW(13) ROW(14) ROW(15) ROW(16) ROW(17) ROW(18) ROW(19) ROW(20) ROW(21) ROW(22) ROW(23)
// clang-format on
#define CLEAR(sum) "vpxord %%zmm" #sum ",%%zmm" #sum ",%%zmm" #sum "\n"
#define PRODUCT(sum) "vpdpbusd %%zmm28,%%zmm29,%%zmm" #sum "\n"

__attribute__((noinline)) static void multiply_registers(__global int *sums, ulong rounds) {
  __asm volatile(SUMS(CLEAR) CLEAR(28) CLEAR(29) "1:\n" SUMS(PRODUCT) "sub $1,%[rounds]\n"
                                                                      "jnz 1b\n"
                                                                      "vmovdqu64 %%zmm0,(%[sums])\n"
                                                                      "vzeroupper\n"
                 : [rounds] "+r"(rounds)
                 : [sums] "r"(sums)
                 : "memory", "cc");
}

// results: 16 for each work-item; rounds: 1 or more
__kernel void multiply_codes(__global int *restrict results, uint rounds) {
  multiply_registers(results + 16 * get_global_id(0), rounds);
}
