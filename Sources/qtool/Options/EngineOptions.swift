import ArgumentParser
import LowBit

/// How the products of a quantized model are computed.
enum Engine: String, ExpressibleByArgument, CaseIterable, Encodable {
  /// Every operator as the graph has it: a product of dequantized codes is one of floats.
  case float
  /// Products of dequantized codes are computed on the codes, as runtimes with integer kernels do,
  /// and codes stay packed from one to the next.
  case integer

  /// The graph that is run, of the model `path`.
  ///
  /// Says so when the float engine is not what the model was made for.
  ///
  /// - Throws: ``GraphError`` when the nodes of `graph` cannot be put in order, or the model names an
  ///   arithmetic that is not known or that a node has no form in.
  func form(of graph: Graph, path: String) throws -> EngineForm {
    do {
      guard self == .integer else {
        let meant = try graph.requantization()
        if meant != .float {
          Console.shared.warn(
            "\(path) is made for requantization '\(meant.rawValue)' (\(meant.summary)), which --engine "
              + "integer computes; the float engine rounds half to even, and codes can differ")
        }
        return EngineForm(graph: graph)
      }
      let network = try IntegerNetwork(graph)
      return EngineForm(
        graph: network.graph, integers: network.layers.isEmpty ? nil : IntegerOutline(network))
    } catch let error as GraphError {
      throw error.located(in: path)
    }
  }
}

/// A graph as an engine runs it.
struct EngineForm {
  var graph: Graph
  /// What is on integers and what is not; `nil` where nothing is.
  var integers: IntegerOutline?
}

/// Options of commands that run quantized models.
struct EngineOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Products of dequantized codes: integer, as runtimes with integer kernels compute them, or "
        + "float, as the graph has them."))
  var engine = Engine.integer
}
