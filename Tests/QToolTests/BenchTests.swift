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
    let shapes = folder.write("# one layer\n3 8 5 1 32 2\n", "shapes.txt")
    let layers = qtool("bench", "conv", "--shapes", shapes, "--dry-run", in: folder)
    #expect(layers.output == "conv 5x5 3-8@32\n")
  }

  @Test func whatCannotBeTimedIsAUsageError() {
    let shapes = folder.write("3 8 5 1\n", "shapes.txt")
    for (arguments, reason) in [
      (["no-such-entry"], "no entry's name holds 'no-such-entry'"),
      (["--bins", "100"], "--bins needs a power of two"),
      (["--bits", "0"], "--bits needs a number from 1 to 16"),
      (["--rounds", "0"], "--rounds needs a positive number"),
      (["--shapes", shapes], "\(shapes): '3 8 5 1' is not six positive numbers"),
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
