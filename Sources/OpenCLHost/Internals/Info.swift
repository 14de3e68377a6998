import COpenCL

/// A `clGetXxxInfo` call with everything but its last three arguments.
typealias InfoQuery = (
  _ size: Int, _ value: UnsafeMutableRawPointer?, _ sizeReturned: UnsafeMutablePointer<Int>?
) throws(OpenCLError) -> Void

func info<Value: BitwiseCopyable>(
  _: Value.Type, _ query: InfoQuery
) throws(OpenCLError) -> Value {
  let value = UnsafeMutablePointer<Value>.allocate(capacity: 1)
  defer { value.deallocate() }
  try query(MemoryLayout<Value>.size, value, nil)
  return value.pointee
}

func infoArray<Element: BitwiseCopyable>(
  _: Element.Type, _ query: InfoQuery
) throws(OpenCLError) -> [Element] {
  var size = 0
  try query(0, nil, &size)
  let capacity = size / MemoryLayout<Element>.stride
  guard capacity > 0 else { return [] }
  let values = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
  defer { values.deallocate() }
  try query(capacity * MemoryLayout<Element>.stride, values, nil)
  return Array(UnsafeBufferPointer(start: values, count: capacity))
}

func infoString(_ query: InfoQuery) throws(OpenCLError) -> String {
  String(decoding: try infoArray(UInt8.self, query).prefix { $0 != 0 }, as: UTF8.self)
}
