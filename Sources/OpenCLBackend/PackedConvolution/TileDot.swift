/// Which instruction multiplies four bytes by four; see `packed/dot.cl`.
enum TileDot: String, Hashable, Sendable, CaseIterable {
  case portable
  case khronos = "DOT_KHR"
  case nvidia = "DOT_PTX"
  case amdMixed = "DOT_AMD_MIXED"
  case amd = "DOT_AMD"
  case arm = "DOT_ARM"

  /// What it is defined by.
  var definitions: [String] { self == .portable ? [] : [rawValue] }

  /// What the compiler must be told.
  var options: String { self == .khronos ? "-cl-std=CL3.0" : "" }

  /// What its product takes away from every code of x.
  var codeOffset: Int {
    switch self {
    case .portable, .khronos, .nvidia, .amdMixed: 0
    case .amd, .arm: 128
    }
  }
}
