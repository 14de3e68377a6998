// Convolution with 3 x 3 taps of stride 1 by 16 products where a direct one has 36, exactly.
//
// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), F(2 x 2, 3 x 3):
// Y = A' ((G w G') * (B' d B)) A with
//
//   B' = 1  0 -1  0     2 G = 2  0  0     A' = 1  1  1  0
//        0  1  1  0           1  1  1          0  1 -1 -1
//        0 -1  1  0           1 -1  1
//        0  1  0 -1           0  0  2
//
// With 2 G the result is four times what it should be, a multiple of 4. Of codes up to MOST a
// difference of differences lies within 2 MOST of zero, a sum of sums below 4 MOST: with an offset
// they are bytes while MOST <= 63. Weights at a position are at most 9 times the largest of a
// filter: signed bytes up to 14. `pack_winograd` counts what the offset adds.
//
// A tile is PIXELS windows of 4 x 4, two apart, in the order of their places.
// PART: `ulong8`, or `ulong4` where a pixel's bytes are no multiple of 64.
#if MOST > 63 || !defined(PART)
#error "MOST, PART"
#endif
#define POSITIONS 16
#define MAX_TILES 32

#define SPREAD(byte) ((PART)((byte)*0x0101010101010101ul))

// A part of the channels of a window to `to`, `pitch` bytes between positions. Whole words are
// added and subtracted: no byte ever leaves 0 to 255.
LB_FUNCTION void transform(const PART *d, __global uchar *to, long pitch) {
  const PART one = SPREAD(MOST), two = SPREAD(2 * MOST);
#pragma unroll
  for (int row = 0; row < 4; ++row) {
    PART t[4];
#pragma unroll
    for (int x = 0; x < 4; ++x) {
      t[x] = row == 0   ? d[x] + one - d[8 + x]
             : row == 1 ? d[4 + x] + d[8 + x]
             : row == 2 ? d[8 + x] + one - d[4 + x]
                        : d[4 + x] + one - d[12 + x];
    }
    __global uchar *line = to + 4 * row * pitch;
    *(__global PART *)line = t[0] + two - t[2];
    *(__global PART *)(line + pitch) = t[1] + t[2];
    *(__global PART *)(line + 2 * pitch) = t[2] + two - t[1];
    *(__global PART *)(line + 3 * pitch) = t[1] + two - t[3];
  }
}

// The window at (top, left) of an image; `position` bytes lie between positions.
LB_FUNCTION void transform_window(__constant Geometry *g, __global const uchar *image, int top,
                                  int left, __global uchar *to, long position) {
  const PART border = SPREAD((ulong)g->x_zero);
  const int bytes = g->x_pixel;
  const bool is_inside = top >= 0 && left >= 0 && top + 4 <= g->height && left + 4 <= g->width;
  __global const uchar *corner = image + ((long)top * g->width + left) * bytes;
  for (int c = 0; c < bytes; c += sizeof(PART)) {
    PART d[16];
    if (is_inside) {
#pragma unroll
      for (int i = 0; i < 16; ++i)
        d[i] = *(__global const PART *)(corner + (i / 4 * g->width + i % 4) * bytes + c);
    } else {
      for (int i = 0; i < 16; ++i) {
        const int y = top + i / 4, x = left + i % 4;
        d[i] = y >= 0 && x >= 0 && y < g->height && x < g->width
                   ? *(__global const PART *)(image + ((long)y * g->width + x) * bytes + c)
                   : border;
      }
    }
    transform(d, to + c, position);
  }
}

// Where a window lies: its image and its two rows and two columns.
typedef struct {
  int image, row, column;
} Window;

LB_FUNCTION Window window_of(__constant Geometry *g, int index) {
  const int columns = (g->out_width + 1) / 2, rows = (g->out_height + 1) / 2;
  Window window;
  window.column = index % columns * 2;
  window.row = index / columns % rows * 2;
  window.image = index / columns / rows;
  return window;
}

LB_FUNCTION void next_window(__constant Geometry *g, Window *window) {
  window->column += 2;
  if (window->column < g->out_width) return;
  window->column = 0;
  window->row += 2;
  if (window->row < g->out_height) return;
  window->row = 0;
  ++window->image;
}

// The sums of 16 filters for the 2 x 2 pixels of a window, from those of the positions, which lie
// `step` vectors apart.
LB_FUNCTION void pixel_sums(const int16 *m, int step, const int16 *excess, int16 *y) {
  int16 top[4], bottom[4];
#pragma unroll
  for (int x = 0; x < 4; ++x) {
    const int16 a = m[(4 + x) * step], b = m[(8 + x) * step];
    top[x] = m[x * step] + (a + b);
    bottom[x] = (a - b) - m[(12 + x) * step];
  }
  y[0] = (top[0] + (top[1] + top[2]) - excess[0]) >> 2;
  y[1] = ((top[1] - top[2]) - top[3] - excess[1]) >> 2;
  y[2] = (bottom[0] + (bottom[1] + bottom[2]) - excess[2]) >> 2;
  y[3] = ((bottom[1] - bottom[2]) - bottom[3] - excess[3]) >> 2;
}

// Work-items: chunks of tiles, parts of blocks. `facts`: what `pack_winograd` found.
__kernel LB_GROUP void convolve_winograd(__global const uchar *x, __global const char *weights,
                                         __global const int *table, __global const int *facts,
                                         const float4 scales, __global const uchar *other,
                                         __global RESULT *y, __global uchar *all_windows,
                                         __constant Geometry *g) {
  const int windows = g->batch * ((g->out_height + 1) / 2) * ((g->out_width + 1) / 2);
  const int tiles = (windows + PIXELS - 1) / PIXELS;
  const int chunks = (tiles + g->chunk_tiles - 1) / g->chunk_tiles;
  const int first_block = (int)get_global_id(1) * g->part_blocks;
  const int last_block = min(first_block + g->part_blocks, g->blocks);
  const long item = get_global_id(1) * get_global_size(0) + get_global_id(0);
  const long position = (long)PIXELS * g->pitch, tile_bytes = POSITIONS * position;
  __global uchar *data = all_windows + item * g->chunk_tiles * tile_bytes;
  const int places = g->blocks * BLOCK;
  __global const int *excess = facts + 2 * places;
  int16 sums[POSITIONS * PIXELS * BLOCK / 16];
  for (int chunk = get_global_id(0); chunk < chunks; chunk += get_global_size(0)) {
    const int first = chunk * g->chunk_tiles * PIXELS;
    const int last = min(first + g->chunk_tiles * PIXELS, windows);
    const Window first_window = window_of(g, first);
    Window window = first_window;
    for (int index = first; index < last; ++index, next_window(g, &window)) {
      const int tile = (index - first) / PIXELS, lane = (index - first) % PIXELS;
      transform_window(g, x + (long)window.image * g->height * g->width * g->x_pixel,
                       window.row - g->pad_top, window.column - g->pad_left,
                       data + tile * tile_bytes + lane * g->pitch, position);
    }
    for (int block = first_block; block < last_block; ++block) {
      Finish halves[BLOCK / 16];
      for (int i = 0; i < BLOCK / 16; ++i) halves[i] = prepare(g, table, 0, block * BLOCK + 16 * i);
      window = first_window;
      for (int begin = first; begin < last; begin += PIXELS) {
        __global const uchar *tile = data + (begin - first) / PIXELS * tile_bytes;
        for (int i = 0; i < POSITIONS; ++i)
          multiply_block(tile + i * position, g->pitch, g->tap / 4, 1, 0,
                         weights + ((long)block * POSITIONS + i) * g->tap * BLOCK,
                         (int *)(sums + i * PIXELS * BLOCK / 16), g->run);
        const int count = min(PIXELS, last - begin);
        for (int lane = 0; lane < count; ++lane, next_window(g, &window)) {
          const int rows = min(2, g->out_height - window.row);
          const int columns = min(2, g->out_width - window.column);
          const int pixel =
              (window.image * g->out_height + window.row) * g->out_width + window.column;
          for (int i = 0; i < BLOCK / 16; ++i) {
            int16 found[4], too_much[4];
            for (int j = 0; j < 4; ++j)
              too_much[j] = *(__global const int16 *)(excess + j * places + block * BLOCK + 16 * i);
            pixel_sums(sums + lane * (BLOCK / 16) + i, PIXELS * BLOCK / 16, too_much, found);
            for (int row = 0; row < rows; ++row)
              finish_pixels(&halves[i], found + 2 * row, 1, scales, other, y,
                            pixel + row * g->out_width, columns);
          }
        }
      }
    }
  }
}
