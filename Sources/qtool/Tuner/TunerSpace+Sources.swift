import LowBit
import TOMLKit

extension TunerSpace {
  /// The space in a file of TOML: for each axis an array of values.
  ///
  ///     limit = [32, 128, 512]
  ///     range = ["minmax", "mse"]
  ///     first-last = [true, false]
  ///     layer = [[], ["stem:float", "head:float"]]
  ///
  /// - Throws: `UsageError` naming file and key.
  init(path: String, sampleCount: Int) throws {
    let table = try Configuration.table(in: path)
    let settings = try CommandSchema.root().command(namedBy: ["quantize"]).schema.settings
    let axes = try table.keys.sorted().map { key in
      guard let values = table[key]?.array else {
        throw UsageError("\(path): \(key): expected the values that it can have, in brackets")
      }
      let number = Setting(
        name: key, aliases: [], shortNames: [], isFlag: false, isRepeating: false,
        takesSeveral: false)
      let setting = settings.first { $0.name == key } ?? number
      return (
        name: key,
        values: try values.map { try Configuration.strings(of: $0, setting, "\(path): \(key)") }
      )
    }
    do {
      try self.init(axes, sampleCount: sampleCount, origin: path)
    } catch let error as UselessValue {
      throw UsageError(error.description)
    }
  }

  /// What is varied where no file says so, but for what is given and for what contradicts that: Quantune's
  /// axes, and chains of passes.
  ///
  /// - Parameter settings: Those of the command.
  init(varying settings: QuantizationSettings, sampleCount: Int) throws {
    var axes: [(name: String, values: [[String]])] = [
      (Self.limitName, Self.limits(sampleCount)),
      ("scheme", [["affine"], ["symmetric"], ["shift"]]),
      ("range", [["minmax"], ["percentile:99.99"], ["mse"], ["entropy"]]),
      ("granularity", [["tensor"], ["channel"]]),
      (
        "improve",
        [
          "none", "squant,bias", "outputs,squant,bias", "outputs,squant,gain,bias",
          "outputs,gptq,bias", "outputs,gptq,sequential,bias", "cle,squant,bias",
        ].map { [$0] }
      ),
    ]
    // Where all layers have 256 levels there is no other treatment of the first and the last.
    if settings.weights.levels < 256 || settings.activations.levels < 256 {
      axes.append(("first-last", [["true"], ["false"]]))
    }
    let given = try Set(Configuration.given(QuantizationOptions.described).map(\.setting.name))
    axes.removeAll { given.contains($0.name) }
    while true {
      do {
        try self.init(axes, sampleCount: sampleCount, origin: "the space of configurations")
        return
      } catch let useless as UselessValue {
        for place in axes.indices where axes[place].name == useless.axis {
          axes[place].values.removeAll { $0 == useless.value }
        }
        axes.removeAll { $0.values.isEmpty }
      }
    }
  }

  /// A sixteenth of the samples, a quarter, and all.
  private static func limits(_ count: Int) -> [[String]] {
    Set([max(count / 16, 1), max(count / 4, 1), count]).sorted().map { ["\($0)"] }
  }
}
