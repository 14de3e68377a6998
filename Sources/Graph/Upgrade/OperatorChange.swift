/// An incompatible change of operators in one version of ONNX's operator set.
///
/// Found by comparing ONNX's schemas from version 7 to 25 (attributes removed, defaults changed,
/// optional inputs that became required) and from the text of the changelog where the schema
/// stayed. What is not listed means the same in both versions.
struct OperatorChange: Sendable {
  /// The first version with the new form.
  let version: Int
  /// The operators.
  let operators: Set<String>
  /// Brings a node into the new form.
  let rewrite: @Sendable (inout NodeRewriting) throws(GraphError) -> Void

  init(
    _ version: Int, _ operators: Set<String>,
    _ rewrite: @escaping @Sendable (inout NodeRewriting) throws(GraphError) -> Void
  ) {
    self.version = version
    self.operators = operators
    self.rewrite = rewrite
  }

  /// All changes, oldest first.
  static let all: [OperatorChange] = [
    OperatorChange(
      9, ["BatchNormalization"], { node throws(GraphError) in try node.dropSpatial() }),
    OperatorChange(9, ["Upsample"], { $0.scalesBecomeInput() }),
    OperatorChange(9, ["Scan"], NodeRewriting.refuse("changed the meaning of its inputs")),
    OperatorChange(10, ["Upsample"], { $0.upsampleBecomesResize() }),
    OperatorChange(10, ["Slice"], { $0.sliceBoundsBecomeInputs() }),
    OperatorChange(10, ["TopK"], { $0.countBecomesInput() }),
    OperatorChange(
      10, ["Dropout"], { node throws(GraphError) in try node.dropoutMaskBecomesBool() }),
    OperatorChange(
      11, ["Resize"], { node throws(GraphError) in try node.resizeStatesItsCoordinates() }),
    OperatorChange(11, ["Clip"], { node throws(GraphError) in try node.clipBoundsBecomeInputs() }),
    OperatorChange(11, ["Pad"], { node throws(GraphError) in try node.padBecomesInput() }),
    OperatorChange(11, ["Scatter"], { $0.scatterGetsItsNewName() }),
    OperatorChange(12, ["Dropout"], { $0.dropoutRatioBecomesInput() }),
    OperatorChange(
      13, ["Squeeze", "Unsqueeze", "ReduceSum"], { $0.axesBecomeInput() }),
    OperatorChange(13, ["Split"], { $0.splitBecomesInput() }),
    OperatorChange(13, ["Softmax", "LogSoftmax", "Hardmax"], { $0.softmaxOverOneAxis() }),
    OperatorChange(
      13, ["Resize"], { node throws(GraphError) in try node.resizeInputsBecomeOptional() }),
    OperatorChange(
      14, ["BatchNormalization"], { node throws(GraphError) in try node.dropTrainingOutputs() }),
    OperatorChange(16, ["RoiAlign"], { $0.roiAlignStatesItsCoordinates() }),
    OperatorChange(
      18,
      [
        "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
        "ReduceMin", "ReduceProd", "ReduceSumSquare",
      ], { $0.axesBecomeInput() }),
    OperatorChange(18, ["Split"], { $0.splitStatesItsCount() }),
    OperatorChange(20, ["DFT"], { $0.transformAxisBecomesInput() }),
    OperatorChange(20, ["GridSample"], { $0.gridSampleModesGetNewNames() }),
    OperatorChange(
      21, ["GroupNormalization"],
      NodeRewriting.refuse("has a scale a group, which became one a channel")),
  ]
}

extension NodeRewriting {
  /// A change that cannot be followed.
  static func refuse(
    _ reason: String
  ) -> @Sendable (inout NodeRewriting) throws(GraphError) -> Void {
    { (rewriting: inout NodeRewriting) throws(GraphError) in throw rewriting.unsupported(reason) }
  }
}
