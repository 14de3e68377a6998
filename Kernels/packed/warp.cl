// The instructions of NVIDIA's GPUs (compute capability 8.0) that multiply tiles by warps of 32
// items, as PTX; or, with WARP_EMULATION, the same in functions of sub-groups of 32, which run on
// other devices and give the same numbers. After dot.cl.
//
//   shared_t                     a place in local memory; SHARED(pointer) makes it, + counts bytes
//   COPY_16(to, from)            starts to copy 16 bytes from global to local memory
//   COMMIT_COPIES                ends a group of copies
//   WAIT_COPIES(n)               waits until at most n groups are on their way
//   LOAD_MATRICES(r, memory, offset)
//                                four matrices of 8 rows of 16 bytes: items 8m to 8m + 7 hold the
//                                addresses of the rows of matrix m; r[m] of item l becomes word
//                                l % 4 of row l / 4
//   MULTIPLY_MATRICES(c, a, b0, b1)
//                                c += a b for 16 rows of 32 bytes by 8 columns of 32 bytes: with
//                                g = l / 4, t = l % 4, item l holds in a[0] word t of row g, in
//                                a[1] of row g + 8, in a[2] and a[3] words t + 4 of these; in b0
//                                and b1 words t and t + 4 of column g; in c[0] and c[1] columns 2t
//                                and 2t + 1 of row g, in c[2] and c[3] of row g + 8
//
// Bytes are codes by weights; with BITWISE they are 256 bits by 256 bits, and a product is the
// count of bits that both have.
//
//   UNROLL_WARP                  before loops over tiles of a warp: in registers, or compiled soon
#ifdef WARP_EMULATION
#define WARP_ATTRIBUTES __attribute__((intel_reqd_sub_group_size(32)))
#define UNROLL_WARP _Pragma("unroll 1")
typedef __local char *shared_t;
#define SHARED(pointer) ((shared_t)(pointer))
#define COPY_16(to, from) (*(__local uint4 *)(to) = *(from))
#define COMMIT_COPIES
#define WAIT_COPIES(n)

#ifdef BITWISE
#define PRODUCT_OF_WORDS(a, b, sum) ((sum) + (int)popcount((a) & (b)))
#else
#define PRODUCT_OF_WORDS(a, b, sum) DOT4(a, b, sum)
#endif

// Addresses are shuffled as offsets from the start of local memory.
LB_FUNCTION void load_matrices(uint r[4], const shared_t memory, const uint offset) {
  const uint lane = get_sub_group_local_id();
#pragma unroll
  for (uint m = 0; m < 4; m++) {
    const uint row = sub_group_shuffle(offset, m * 8 + (lane >> 2));
    r[m] = *(__local const uint *)(memory + row + (lane & 3) * 4);
  }
}
#define LOAD_MATRICES(r, memory, offset) load_matrices(r, memory, offset)

LB_FUNCTION void multiply_matrices(int c[4], const uint a[4], const uint b0, const uint b1) {
  const uint lane = get_sub_group_local_id(), g = lane >> 2, t = lane & 3;
  UNROLL_WARP
  for (uint word = 0; word < 4; word++) {
    const uint row = g << 2 | word;
    const uint a0 = sub_group_shuffle(a[0], row), a1 = sub_group_shuffle(a[1], row);
    const uint a2 = sub_group_shuffle(a[2], row), a3 = sub_group_shuffle(a[3], row);
    UNROLL_WARP
    for (uint j = 0; j < 2; j++) {
      const uint column = (2 * t + j) << 2 | word;
      const uint low = sub_group_shuffle(b0, column), high = sub_group_shuffle(b1, column);
      c[j] = PRODUCT_OF_WORDS(a0, low, PRODUCT_OF_WORDS(a2, high, c[j]));
      c[2 + j] = PRODUCT_OF_WORDS(a1, low, PRODUCT_OF_WORDS(a3, high, c[2 + j]));
    }
  }
}
#define MULTIPLY_MATRICES(c, a, b0, b1) multiply_matrices(c, a, b0, b1)

#else
#define WARP_ATTRIBUTES
#define UNROLL_WARP _Pragma("unroll")
typedef uint shared_t;
// A pointer to local memory holds the place in its window already.
#define SHARED(pointer) ((uint)(size_t)(pointer))

LB_FUNCTION void copy_16(const uint to, __global const uint4 *from) {
  __asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}
#define COPY_16(to, from) copy_16(to, from)
#define COMMIT_COPIES __asm volatile("cp.async.commit_group;" ::: "memory")
#define WAIT_COPIES(n) __asm volatile("cp.async.wait_group " #n ";" ::: "memory")

#define LOAD_MATRICES(r, memory, offset)                                                           \
  __asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"                   \
                 : "=r"((r)[0]), "=r"((r)[1]), "=r"((r)[2]), "=r"((r)[3])                          \
                 : "r"((memory) + (offset))                                                        \
                 : "memory")

#ifdef BITWISE
#define MMA "mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.and.popc"
#else
#define MMA "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32"
#endif
#define MULTIPLY_MATRICES(c, a, b0, b1)                                                            \
  __asm volatile(MMA " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"                      \
                 : "+r"((c)[0]), "+r"((c)[1]), "+r"((c)[2]), "+r"((c)[3])                          \
                 : "r"((a)[0]), "r"((a)[1]), "r"((a)[2]), "r"((a)[3]), "r"(b0), "r"(b1))
#endif
