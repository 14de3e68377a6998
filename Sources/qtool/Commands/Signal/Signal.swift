import ArgumentParser

/// `qtool signal`
struct Signal: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Carry quantizers and codes of a network in a video bitstream.",
    discussion: examples(
      "qtool signal encode small.onnx -o small.bit",
      "qtool signal mux small.onnx video.hevc -o signalled.hevc",
      "qtool signal inspect signalled.hevc",
      "qtool signal decode signalled.hevc -o received.onnx",
      "qtool signal filter signalled.hevc --pictures decoded.y4m -o filtered.y4m",
      "qtool signal allocate float.onnx --pictures decoded.y4m --originals video.y4m --qp 37 -o small.onnx",
      "qtool signal overfit small.onnx --pictures decoded.y4m --originals video.y4m --qp 37 -o tuned.onnx",
      "qtool signal strip signalled.hevc -o video.hevc")
      + "\n\nStreams are byte streams with start codes (Annex B) of HEVC or VVC.",
    subcommands: [
      SignalEncode.self, SignalDecode.self, SignalFilter.self, SignalInspect.self,
      SignalOverfit.self, SignalAllocate.self, SignalMux.self,
      SignalStrip.self,
    ])
}
