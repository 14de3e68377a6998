// Packed 8-bit codes y [images, height, width, pixel_bytes], of whose bytes `channels` are codes,
// taken from x: the code at (image, row, column, channel) is x[sum of the four offsets], where none
// of them is OUTSIDE. `offsets` holds images, rows, columns and channels one after the other.
//
// `fills`: whether what is outside is written too, as `filling`, and 0 behind the channels; else it
// is left as it is. `first_channel`, `channel_count`: the channels that have an offset.

#define OUTSIDE INT_MIN

typedef struct {
  int images, height, width, channels, pixel_bytes, fills, filling;
  int first_channel, channel_count, is_straight;
} Movement;

// The sum of the offsets of a pixel; -1 where one of them is outside.
LB_FUNCTION long lb_source(__constant Movement *g, __global const int *restrict offsets,
                           uint pixel) {
  const uint row = pixel / (uint)g->width;
  const int image = offsets[row / (uint)g->height];
  const int y = offsets[g->images + row % (uint)g->height];
  const int x = offsets[g->images + g->height + pixel % (uint)g->width];
  return image == OUTSIDE || y == OUTSIDE || x == OUTSIDE ? -1 : (long)image + y + x;
}

__kernel LB_GROUP void move_codes(__global const uchar *restrict x, __global uchar *restrict y,
                                  __global const int *restrict offsets, __constant Movement *g,
                                  const uint count, const uint pixels_per_item) {
  __global const int *restrict depths = offsets + g->images + g->height + g->width;
#ifdef CPU
  // A work-item takes some pixels; `count` is that of all.
  const uint first = (uint)get_global_id(0) * pixels_per_item;
  for (uint pixel = first; pixel < min(first + pixels_per_item, count); pixel++) {
    const long source = lb_source(g, offsets, pixel);
    __global uchar *restrict to = y + (size_t)pixel * g->pixel_bytes;
    if (g->fills) {
      for (int c = 0; c < g->pixel_bytes; c++)
        to[c] = c < g->channels ? (uchar)g->filling : (uchar)0;
    }
    if (source < 0) continue;
    if (g->is_straight) {
      __global const uchar *restrict from = x + source + depths[g->first_channel];
      for (int c = 0; c < g->channel_count; c++) to[g->first_channel + c] = from[c];
    } else {
      for (int c = g->first_channel; c < g->first_channel + g->channel_count; c++)
        if (depths[c] != OUTSIDE) to[c] = x[source + depths[c]];
    }
  }
#else
  // A work-item takes a byte; `count` is that of all pixels.
  const uint i = (uint)get_global_id(0);
  const uint pixel = i / (uint)g->pixel_bytes;
  if (pixel >= count) return;
  const int c = (int)(i % (uint)g->pixel_bytes);
  const long source = lb_source(g, offsets, pixel);
  const int depth = c < g->channels ? depths[c] : OUTSIDE;
  if (source >= 0 && depth != OUTSIDE) {
    y[i] = x[source + depth];
  } else if (g->fills) {
    y[i] = c < g->channels ? (uchar)g->filling : (uchar)0;
  }
#endif
}
