// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "lowbit",
  products: [
    .library(name: "LowBit", targets: ["LowBit"]),
    .executable(name: "qtool", targets: ["qtool"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0"),
    .package(url: "https://github.com/LebJe/TOMLKit.git", from: "0.6.0"),
  ],
  targets: [
    // MARK: - Arithmetic: plain Swift, no OpenCL, no Foundation
    .target(name: "Checksums"),
    .target(name: "Bitstream"),
    .target(name: "Tensors"),
    .target(name: "Quantization", dependencies: ["Tensors"]),
    .target(name: "ConfigurationSearch"),
    .target(name: "CElementary"),
    .target(name: "Operations", dependencies: ["CElementary", "Quantization", "Tensors"]),

    // MARK: - The device
    .systemLibrary(name: "COpenCL", providers: [.apt(["opencl-headers"])]),
    .target(name: "OpenCLHost", dependencies: ["COpenCL", "Checksums"]),
    .target(
      name: "CKernels", path: "Kernels",
      exclude: [
        "README.md", "bench", "codes", "conv", "elementwise", "histogram", "movement", "packed",
        "pool", "prelude", "product", "quantize", "reduce", "resize", "search", "softmax",
      ]),
    .target(
      name: "OpenCLBackend", dependencies: ["CKernels", "Files", "OpenCLHost", "Operations"]),

    .target(
      name: "DeviceSelection",
      dependencies: ["OpenCLBackend", "OpenCLHost", "OperationCases", "Operations", "Tensors"]),

    // MARK: - Models
    .target(name: "Graph", dependencies: ["Tensors", "Quantization"]),
    .target(
      name: "Execution", dependencies: ["Graph", "Operations", "Quantization", "Tensors"]),
    .target(
      name: "ONNXProto",
      dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["onnx.proto", "README.md"]),
    .target(name: "ONNX", dependencies: ["Files", "Graph", "ONNXProto", "Tensors"]),
    .target(
      name: "Calibration",
      dependencies: ["Checksums", "Execution", "Graph", "Operations", "Quantization", "Tensors"]),
    .target(
      name: "PostTraining",
      dependencies: ["Calibration", "Execution", "Graph", "Operations", "Quantization", "Tensors"]),
    .target(
      name: "Training",
      dependencies: [
        "Calibration", "Datasets", "Evaluation", "Execution", "Graph", "Operations",
        "PostTraining", "Quantization", "Tensors",
      ]),
    .target(
      name: "Reconstruction",
      dependencies: [
        "Calibration", "Datasets", "Execution", "Graph", "Operations", "PostTraining",
        "Quantization", "Tensors", "Training",
      ]),
    .target(
      name: "Signalling",
      dependencies: [
        "Bitstream", "Checksums", "Execution", "Graph", "Operations", "Quantization", "Tensors",
        "Video",
      ]),
    .target(
      name: "Verification",
      dependencies: ["Execution", "Graph", "Operations", "Quantization", "Tensors"]),
    .target(
      name: "Adaptation",
      dependencies: [
        "Bitstream", "Execution", "Graph", "Operations", "PostTraining", "Quantization",
        "Signalling",
        "Tensors",
        "Training", "Video",
      ]),
    .systemLibrary(
      name: "CImage", providers: [.apt(["libjpeg62-turbo-dev", "libpng-dev", "zlib1g-dev"])]),
    .target(name: "Files"),
    .target(name: "Video", dependencies: ["Files"]),
    .target(name: "Datasets", dependencies: ["CImage", "Files", "Tensors"]),
    .target(
      name: "Evaluation", dependencies: ["Datasets", "Execution", "Graph", "Operations", "Tensors"]),
    .target(
      name: "MixedPrecision",
      dependencies: [
        "Calibration", "Datasets", "Evaluation", "Execution", "Graph", "Operations",
        "PostTraining", "Quantization", "Tensors",
      ]),
    .target(
      name: "Reports",
      dependencies: [
        "ConfigurationSearch", "MixedPrecision", "PostTraining", "Quantization", "Training",
      ]),
    .target(
      name: "LowBit",
      dependencies: [
        "Adaptation", "Bitstream", "Calibration", "ConfigurationSearch", "Datasets",
        "DeviceSelection", "Evaluation", "Execution", "Graph", "MixedPrecision", "ONNX",
        "OpenCLBackend", "Operations", "PostTraining", "Quantization", "Reconstruction",
        "Reports", "Signalling", "Tensors", "Training", "Verification", "Video",
      ]),

    // MARK: - Programs
    .executableTarget(
      name: "qtool",
      dependencies: [
        "Adaptation",
        "Bitstream",
        "Checksums",
        "Files",
        "KernelBench",
        "LowBit",
        "OpenCLHost",
        "OperationCases",
        "Reports",
        "Signalling",
        "Verification",
        "Video",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "TOMLKit", package: "TOMLKit"),
      ]),

    .target(
      name: "CShapes", path: "Benchmarks/Shapes",
      exclude: [
        "README.md", "gemm.txt", "mobilenet-v2.txt", "resnet-18.txt", "resnet-50.txt",
        "super-resolution.txt",
      ]),
    .target(
      name: "KernelBench",
      dependencies: [
        "CShapes", "Execution", "Graph", "OpenCLBackend", "OperationCases", "Operations",
        "Quantization", "Tensors", "Training",
      ],
      path: "Benchmarks/KernelBench"),

    // MARK: - Tests; OperationCases is a plain target that tests and benchmarks share
    .target(
      name: "OperationCases", dependencies: ["Operations", "Quantization", "Tensors"],
      path: "Tests/OperationCases"),
    .target(name: "TestFolders", path: "Tests/TestFolders"),
    .target(
      name: "TestNetworks",
      dependencies: ["Graph", "Operations", "PostTraining", "Quantization", "Tensors"],
      path: "Tests/TestNetworks"),
    .testTarget(name: "ChecksumsTests", dependencies: ["Checksums"]),
    .testTarget(name: "BitstreamTests", dependencies: ["Bitstream"]),
    .testTarget(name: "ConfigurationSearchTests", dependencies: ["ConfigurationSearch"]),
    .testTarget(
      name: "SignallingTests",
      dependencies: [
        "Bitstream", "Checksums", "Execution", "Graph", "OpenCLBackend", "OpenCLHost", "Operations",
        "Quantization", "Signalling", "Tensors", "TestNetworks", "Video",
      ]),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors"]),
    .testTarget(name: "QuantizationTests", dependencies: ["Quantization"]),
    .testTarget(name: "GraphTests", dependencies: ["Graph"]),
    .testTarget(name: "OpenCLHostTests", dependencies: ["Checksums", "OpenCLHost", "TestFolders"]),
    .testTarget(
      name: "OperationsTests",
      dependencies: ["CElementary", "Files", "OpenCLBackend", "OperationCases", "TestFolders"]),
    .testTarget(
      name: "ExecutionTests",
      dependencies: [
        "Execution", "Graph", "OpenCLBackend", "OpenCLHost", "Operations", "Quantization",
        "Tensors",
      ]),
    .testTarget(
      name: "ONNXTests",
      dependencies: ["Files", "Graph", "ONNX", "ONNXProto", "Tensors", "TestFolders"]),
    .testTarget(
      name: "DatasetsTests", dependencies: ["CImage", "Datasets", "Tensors", "TestFolders"]),
    .testTarget(
      name: "AdaptationTests",
      dependencies: [
        "Adaptation", "Bitstream", "Calibration", "Checksums", "Execution", "Graph", "Operations",
        "PostTraining",
        "Quantization", "Signalling", "Tensors", "TestNetworks", "Training", "Video",
      ]),
    .testTarget(
      name: "MixedPrecisionTests",
      dependencies: [
        "Calibration", "Datasets", "Execution", "Graph", "MixedPrecision", "Operations",
        "PostTraining", "Quantization", "Tensors",
      ]),
    .testTarget(name: "VideoTests", dependencies: ["Files", "TestFolders", "Video"]),
    .testTarget(name: "FilesTests", dependencies: ["Files", "TestFolders"]),
    .testTarget(
      name: "EvaluationTests", dependencies: ["Datasets", "Evaluation", "Tensors"]),
    .testTarget(
      name: "QToolTests",
      dependencies: [
        "Datasets", "Files", "Graph", "KernelBench", "ONNX", "Tensors", "TestFolders", "qtool",
      ]),
    .testTarget(
      name: "TrainingTests",
      dependencies: [
        "Execution", "Graph", "OpenCLBackend", "OpenCLHost", "Operations", "PostTraining",
        "Quantization", "Tensors", "Training", "Verification",
      ]),
    .testTarget(
      name: "VerificationTests",
      dependencies: [
        "Execution", "Graph", "OpenCLBackend", "OpenCLHost", "Operations", "PostTraining",
        "Quantization", "Tensors", "TestNetworks", "Verification",
      ]),
    .testTarget(
      name: "ReportsTests",
      dependencies: [
        "ConfigurationSearch", "MixedPrecision", "PostTraining", "Quantization", "Reports",
        "Training",
      ]),
    .testTarget(
      name: "CalibrationTests",
      dependencies: [
        "Calibration", "Checksums", "Graph", "Operations", "Quantization", "Tensors",
      ]),
    .testTarget(
      name: "ReconstructionTests",
      dependencies: [
        "Calibration", "Execution", "Graph", "OpenCLBackend", "OpenCLHost", "Operations",
        "PostTraining", "Quantization", "Reconstruction", "Tensors", "TestNetworks", "Training",
      ]),
    .testTarget(
      name: "PostTrainingTests",
      dependencies: [
        "Calibration", "Execution", "Graph", "Operations", "PostTraining", "Quantization",
        "Tensors", "TestNetworks",
      ]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c2x
)

// Set by .ci/run: a warning in one of our targets, not in a dependency, stops the build.
let warningsAreErrors = Context.environment["LOWBIT_WARNINGS_AS_ERRORS"] != nil

for target in package.targets where [.regular, .executable, .test].contains(target.type) {
  target.swiftSettings =
    (target.swiftSettings ?? []) + [
      .enableUpcomingFeature("ExistentialAny"),
      .enableUpcomingFeature("InternalImportsByDefault"),
      .enableUpcomingFeature("MemberImportVisibility"),
    ] + (warningsAreErrors ? [.treatAllWarnings(as: .error)] : [])
}
