/// Names of operator domains beside ONNX's own, which is empty.
package enum OperatorDomain {
  /// The operators that this library's passes write and its engine runs; no file has them.
  package static let lowBit = "lowbit"
  /// ONNX Runtime's operators.
  package static let microsoft = "com.microsoft"
}
