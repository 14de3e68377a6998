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
      Finish halves[BLOCK / 16];
      for (int i = 0; i < BLOCK / 16; ++i)
        halves[i] = prepare(g, table, group, block * BLOCK + 16 * i);
      for (int tile = 0; tile < count; ++tile) {
        const Tile t = found[tile];
        multiply_block(t.pixels, t.pitch, t.words, t.segments, t.segment_step, factors, (int *)sums,
                       g->run);
        const int pixel = (first + tile) * PIXELS;
        for (int i = 0; i < BLOCK / 16; ++i)
          finish_pixels(&halves[i], sums + i, BLOCK / 16, scales, other, y, pixel,
                        min(PIXELS, g->pixels - pixel));
      }
    }
  }
}
