// What one launch of a convolution computes: a pass of ConvolutionGeometry.
//
// A matrix product is a convolution too: every matrix of the product is a group, the right factor
// an image of one row whose channels are the matrix's rows, the left factor its weights.
//
// Output q of the pass (q within count, image by image, row-major) is the output `first + q *
// step`; it reads for every tap the input at `origin + q * stride + tap`, outside of which lies
// zero.
typedef struct {
  int batch, groups, channels, filters;
  int inputZ, inputY, inputX;
  int outputZ, outputY, outputX;
  int countZ, countY, countX;
  int firstZ, firstY, firstX;
  int stepZ, stepY, stepX;
  int originZ, originY, originX;
  int strideZ, strideY, strideX;
  int tapCount;
  int elements;  // of the input, in all
} Geometry;

int input_plane(__constant Geometry *g) { return g->inputZ * g->inputY * g->inputX; }
int output_plane(__constant Geometry *g) { return g->outputZ * g->outputY * g->outputX; }
int image_outputs(__constant Geometry *g) { return g->countZ * g->countY * g->countX; }
int all_outputs(__constant Geometry *g) { return g->batch * image_outputs(g); }

// Where an output of the pass begins to read: an input coordinate, and the index of the first
// element of its group's first channel.
typedef struct {
  int z, y, x;
  int base;
} Source;

// A coordinate of an output of the pass.
typedef struct {
  int image, z, y, x;
} Position;

// Remainders are written out: one division each.
Position position_of(__constant Geometry *g, const int output) {
  Position p;
  p.image = output / image_outputs(g);
  const int q = output - p.image * image_outputs(g);
  const int row = q / g->countX;
  p.x = q - row * g->countX;
  p.z = row / g->countY;
  p.y = row - p.z * g->countY;
  return p;
}

Source source_of(__constant Geometry *g, const int group, const int output) {
  const Position p = position_of(g, output);
  Source s;
  s.z = g->originZ + p.z * g->strideZ;
  s.y = g->originY + p.y * g->strideY;
  s.x = g->originX + p.x * g->strideX;
  s.base = (p.image * g->groups + group) * g->channels * input_plane(g);
  return s;
}

int is_inside(__constant Geometry *g, const int z, const int y, const int x) {
  return z >= 0 && z < g->inputZ && y >= 0 && y < g->inputY && x >= 0 && x < g->inputX;
}

// The index of the output of the group's first filter.
int target_of(__constant Geometry *g, const int group, const int output) {
  const Position p = position_of(g, output);
  const int z = g->firstZ + p.z * g->stepZ;
  const int y = g->firstY + p.y * g->stepY;
  const int x = g->firstX + p.x * g->stepX;
  return (p.image * g->groups + group) * g->filters * output_plane(g) +
         (z * g->outputY + y) * g->outputX + x;
}
