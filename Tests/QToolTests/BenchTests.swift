import KernelBench
import Testing

/// `qtool bench` up to where a device is needed; what it times is checked by the program itself.
@Suite struct BenchTests {
  let folder = TemporaryFolder()

  @Test func dryRunsListTheEntriesThatAreSelected() {
    let all = qtool("bench", "--dry-run", in: folder)
    #expect(all.status == 0)
    #expect(all.output.contains("histogram relu 4096x2\n"))
    #expect(all.output.contains("conv 3x3/2 64-128@56\n"))
    let some = qtool("bench", "search", "tensor", "--bits", "4", "--dry-run", in: folder)
    #expect(some.output == "search tensor normal 4 bits\nsearch tensor relu 4 bits\n")
    let streams = qtool("bench", "pool codes", "--shapes", "resnet-50", "--dry-run", in: folder)
    #expect(
      streams.output == "pool codes maximum 64x112x112\npool codes mean 64x112x112\n")
    let shapes = folder.write("# two\n3 8 5 1 32 2\n\n8 8 1x3 2 9x4 1 8 # groups\n", "s.txt")
    let packed = qtool(
      "bench", "@", "--shapes", shapes, "--widths", "w4a8", "--dry-run", in: folder)
    #expect(
      packed.output == "conv 5x5 3-8@32\nconv 1x3/2 8-8@9x4 groups 8\n"
        + "packed w4a8 5x5 3-8@32\npacked w4a8 1x3/2 8-8@9x4 groups 8\n")
  }

  /// Multiplications of networks as their papers count them, without the last product.
  @Test(arguments: [
    ("resnet-18", 20, 1_813_561_344), ("resnet-50", 53, 4_087_136_256),
    ("mobilenet-v2", 52, 299_494_272), ("super-resolution", 3, 1_135_181_824),
  ])
  func listsOfShapesAreTheNetworks(name: String, count: Int, multiplications: Int) throws {
    let layers = try #require(ShapeLists.layers(of: name))
    #expect(layers.reduce(0) { $0 + $1.times } == count)
    #expect(layers.reduce(0) { $0 + $1.times * $1.multiplications } == multiplications)
  }

  @Test func everyListOfShapesIsOne() {
    for name in ShapeLists.names { #expect(ShapeLists.layers(of: name)?.isEmpty == false) }
    #expect(ShapeLists.names.contains("gemm") && ShapeLists.layers(of: "none") == nil)
  }

  @Test func whatCannotBeTimedIsAUsageError() {
    let shapes = folder.write("3 8 5 1\n", "shapes.txt")
    for (arguments, reason) in [
      (["no-such-entry"], "no entry's name holds 'no-such-entry'"),
      (["--bins", "100"], "--bins needs a power of two"),
      (["--bits", "0"], "--bits needs a number from 1 to 16"),
      (["--rounds", "0"], "--rounds needs a positive number"),
      (["--shapes", shapes], "\(shapes), line 1: '3 8 5 1' is no layer"),
      (["--widths", "w3a8"], "w3a8"),
      (["--peer", shapes], "\(shapes): not a list of entries"),
    ] {
      let outcome = Command(["bench"] + arguments, in: folder).wait()
      #expect(outcome.status == 2 && outcome.output.isEmpty, "\(arguments)")
      #expect(outcome.errors.contains(reason), "\(outcome.errors)")
    }
  }

  @Test func theReferenceIsNotTimed() {
    let outcome = qtool("bench", "search", in: folder)
    #expect(outcome.status == 4)
    #expect(outcome.errors.contains("bench times OpenCL devices, not the reference"))
  }
}
