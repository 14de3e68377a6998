import FoundationEssentials
import Graph
import ONNX
import ONNXProto
import SwiftProtobuf
import Tensors
import Testing

@Suite struct ReaderTests {
  @Test func readsAModel() throws {
    let graph = try read(
      model {
        $0.producerName = "us"
        $0.docString = "a test"
        $0.metadataProps = [StringStringEntryProto.with { ($0.key, $0.value) = ("k", "v") }]
        $0.opsetImport.append(OperatorSetIdProto.with { ($0.domain, $0.version) = ("com.us", 2) })
        $0.graph.valueInfo = [value("h", shape: [7, 3])]
      })
    #expect(graph.name == "test")
    #expect(graph.opsets == ["": 21, "com.us": 2])
    #expect(graph.producer == Producer(name: "us", documentation: "a test"))
    #expect(graph.metadata == ["k": "v"])
    #expect(graph.inputs[0].shape == [.symbolic("batch"), .fixed(3)])
    #expect(graph.valueInfo["h"]?.shape == [.fixed(7), .fixed(3)])
    #expect(graph.initializers == ["w": Tensor([1, 2, 3] as [Float])])
    #expect(graph.nodes.map(\.operatorType) == ["Add", "Relu"])
  }

  @Test func initializersAreNotInputs() throws {
    let graph = try read(
      model {
        $0.irVersion = 3
        $0.graph.input.append(value("w", shape: [3]))
      })
    #expect(graph.inputs.map(\.name) == ["x"])
  }

  @Test func readsEveryKindOfAttribute() throws {
    let graph = try read(
      model {
        $0.graph.node[1].attribute = [
          .with { ($0.name, $0.type, $0.i) = ("i", .int, -4) },
          .with { ($0.name, $0.type, $0.f) = ("f", .float, 0.5) },
          .with { ($0.name, $0.type, $0.s) = ("s", .string, Data("text".utf8)) },
          .with { ($0.name, $0.type, $0.ints) = ("ints", .ints, [1, -2]) },
          .with { ($0.name, $0.type, $0.floats) = ("floats", .floats, [1, 2]) },
          .with { ($0.name, $0.type, $0.strings) = ("strings", .strings, [Data("a".utf8)]) },
          .with { ($0.name, $0.type, $0.t) = ("t", .tensor, floats("", [1], [9])) },
          .with { ($0.name, $0.i) = ("untyped", 3) },
        ]
      })
    let attributes = graph.nodes[1].attributes
    guard case .int(-4)? = attributes["i"], case .float(0.5)? = attributes["f"],
      case .string("text")? = attributes["s"], case .ints([1, -2])? = attributes["ints"],
      case .floats([1, 2])? = attributes["floats"], case .strings(["a"])? = attributes["strings"],
      case .tensor(Tensor([9] as [Float]))? = attributes["t"],
      case .int(3)? = attributes["untyped"]
    else {
      Issue.record("\(attributes)")
      return
    }
  }

  @Test func constantNodesBecomeInitializers() throws {
    let forms: [(AttributeProto, Tensor)] = [
      (
        .with { ($0.name, $0.type, $0.t) = ("value", .tensor, floats("", [1], [4])) },
        Tensor([4] as [Float])
      ),
      (.with { ($0.name, $0.type, $0.f) = ("value_float", .float, 4) }, Tensor(scalar: 4 as Float)),
      (
        .with { ($0.name, $0.type, $0.floats) = ("value_floats", .floats, [4, 5]) },
        Tensor([4, 5] as [Float])
      ),
      (.with { ($0.name, $0.type, $0.i) = ("value_int", .int, 4) }, Tensor(scalar: 4 as Int64)),
      (
        .with { ($0.name, $0.type, $0.ints) = ("value_ints", .ints, [4, 5]) },
        Tensor([4, 5] as [Int64])
      ),
    ]
    for (attribute, expected) in forms {
      let graph = try read(
        model {
          var constant = node("Constant", [], ["c"])
          constant.attribute = [attribute]
          $0.graph.node.append(constant)
        })
      #expect(graph.initializers["c"] == expected, "\(attribute.name)")
      #expect(graph.nodes.count == 2)
    }
  }

  @Test func writesFunctionsOutWhereTheyAreCalled() throws {
    let graph = try read(
      model {
        $0.opsetImport.append(OperatorSetIdProto.with { ($0.domain, $0.version) = ("us", 1) })
        $0.graph.node = [
          node("Leaky", ["x"], ["h"]), node("Leaky", ["h"], ["y"]),
        ]
        for index in 0..<2 { $0.graph.node[index].domain = "us" }
        $0.graph.node[1].attribute = [.with { ($0.name, $0.type, $0.f) = ("slope", .float, 0.5) }]
        $0.functions = [
          FunctionProto.with {
            $0.name = "Leaky"
            $0.domain = "us"
            $0.opsetImport = [OperatorSetIdProto.with { $0.version = 21 }]
            $0.input = ["a"]
            $0.output = ["b"]
            $0.attributeProto = [.with { ($0.name, $0.type, $0.f) = ("slope", .float, 0.25) }]
            $0.node = [node("Identity", ["a"], ["inner"]), node("LeakyRelu", ["inner"], ["b"])]
            $0.node[1].attribute = [
              .with { ($0.name, $0.type, $0.refAttrName) = ("alpha", .float, "slope") }
            ]
          }
        ]
      })
    #expect(graph.nodes.map(\.operatorType) == ["Identity", "LeakyRelu", "Identity", "LeakyRelu"])
    #expect(graph.nodes[1].inputs == ["make_h/inner"])
    #expect(graph.nodes[1].outputs == ["h"])
    guard case .float(0.25)? = graph.nodes[1].attributes["alpha"],
      case .float(0.5)? = graph.nodes[3].attributes["alpha"]
    else {
      Issue.record("the attributes of the calls did not arrive")
      return
    }
  }

  @Test func refusesAFunctionThatCallsItself() throws {
    let error = failure(
      try model {
        $0.graph.node[1].opType = "F"
        $0.functions = [
          FunctionProto.with {
            $0.name = "F"
            $0.input = ["a"]
            $0.output = ["b"]
            $0.node = [node("F", ["a"], ["b"])]
          }
        ]
      })
    #expect(error?.description == "test.onnx: function '.F' calls itself")
  }

  @Test func aSubGraphReadsFromOutside() throws {
    let graph = try read(
      model {
        let branch = GraphProto.with {
          $0.name = "branch"
          $0.output = [value("o", shape: [3])]
          $0.node = [node("Neg", ["late"], ["o"])]
        }
        var choice = node("If", ["x"], ["y"])
        choice.attribute = [.with { ($0.name, $0.type, $0.g) = ("then_branch", .graph, branch) }]
        $0.graph.node = [choice, node("Abs", ["x"], ["late"])]
      })
    #expect(try graph.sortedNodes().map(\.operatorType) == ["Abs", "If"])
  }
}
