/// Names a kernel: its file, its function, and the definitions that the file is compiled with.
///
/// A program is every file of `preludes`, then `file`, compiled once per set of definitions (and once
/// per device and driver on disk). `prelude/prelude.cl` always comes first. Definitions are
/// `"NAME=VALUE"` or `"NAME"` and become `#define` lines; what a kernel is told as a definition is
/// compiled into it, so keep shapes that change from launch to launch as arguments, and what changes
/// its form (element types, a function, a tile) as definitions.
///
/// `CPU` or `GPU` is defined according to the device.
package struct DeviceKernel: Hashable, Sendable {
  /// What the other fields are hashed to, once: every launch looks its kernel up.
  private let digest: Int
  /// The path of its file below `Kernels/`.
  package let file: String
  /// The `__kernel` function.
  package let function: String
  /// Definitions, in the order in which they are written.
  package let definitions: [String]
  /// Files before its own, besides `prelude/prelude.cl`.
  package let preludes: [String]
  /// What the compiler is told besides, for example the version of OpenCL C.
  package let options: String

  /// The kernel `function` of `file`.
  package init(
    _ file: String, _ function: String, _ definitions: [String] = [], preludes: [String] = [],
    options: String = ""
  ) {
    self.file = file
    self.function = function
    self.definitions = definitions
    self.preludes = preludes
    self.options = options
    var hasher = Hasher()
    hasher.combine(file)
    hasher.combine(function)
    hasher.combine(definitions)
    hasher.combine(preludes)
    hasher.combine(options)
    digest = hasher.finalize()
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(digest) }

  /// What decides the program that the kernel is in.
  struct ProgramKey: Hashable, Sendable {
    let files: [String]
    let definitions: [String]
    let options: String
  }

  var programKey: ProgramKey {
    ProgramKey(
      files: ["prelude/prelude.cl"] + preludes + [file], definitions: definitions, options: options)
  }
}
