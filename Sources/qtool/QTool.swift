import ArgumentParser

@main
struct QTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "qtool", abstract: "Quantizes neural networks to few bits.", version: "0.1.0")
}
