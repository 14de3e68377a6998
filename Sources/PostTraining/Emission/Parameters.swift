/// Names of the constants that describe a quantizer in the graph.
struct Parameters {
  let scale: String
  let zeroPoint: String
}
