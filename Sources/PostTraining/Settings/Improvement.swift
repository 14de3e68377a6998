/// What is done so that quantization loses less; each is cheap and needs no labels.
public enum Improvement: String, Sendable, Hashable, CaseIterable, Comparable {
  /// Channels between pairs of layers are scaled so that all channels of a layer's weights have similar ranges.
  /// It changes the graph, by ``Graph/Graph/equalizeLayers()``, before anything is observed.
  case cle
  /// What channels between pairs of layers have at least moves from the bias of the first layer to that
  /// of the second. It changes the graph, by ``Graph/Graph/absorbBiases(lowest:)``, before anything is observed.
  case absorb
  /// The scale of each filter is the one of some around least squares that leaves the least error in the
  /// layer's outputs, where the statistics hold the moments of the patches that filters meet.
  case outputs
  /// Weights are rounded so that the errors of a kernel and of a channel cancel
  /// (SQuant).
  case squant
  /// Weights are rounded one after the other so that those that follow make up for the errors, by the second
  /// moments of what filters meet, and moved once more where that helps (GPTQ); in place of
  /// ``squant`` where the statistics hold these moments.
  case gptq
  /// Layers are quantized one after the other, each with weights and a bias fitted to what the quantized layers
  /// before it give; needs the samples themselves.
  case sequential
  /// A channel's scale is multiplied by `<w, w> / <w, q>`, so that quantization does not shrink its
  /// outputs.
  case gain
  /// The mean error that weights leave in a layer's outputs is taken out of its biases, where the
  /// statistics hold the means of the layer's data.
  case bias
  /// The same with means that follow from normalizations, by ``ExpectedStatistics``, in place of measured
  /// ones.
  case analyticBias = "analytic-bias"
  /// The rounding of each layer's weights is learned by steps of gradients, so that on the data that the
  /// quantized layers before it give it answers as in float (AdaRound); needs the samples themselves.
  case adaround
  /// The same for blocks of layers, with the scales of activations and the biases (BRECQ, QDrop); needs
  /// the samples themselves.
  case reconstruct

  /// The order in which they are done.
  public static func < (a: Self, b: Self) -> Bool {
    allCases.firstIndex(of: a)! < allCases.firstIndex(of: b)!
  }

  /// Those that change the graph or need the network once more; training, which moves weights itself, does
  /// not know them, nor rounding by moments.
  public static let postTrainingOnly: Set<Improvement> = [
    .cle, .absorb, .gptq, .sequential, .analyticBias, .adaround, .reconstruct,
  ]

  /// Those that learn by steps of gradients what others leave to rounding.
  public static let learning: Set<Improvement> = [.adaround, .reconstruct]

  /// Those that need something to be observed of the layers' data.
  public static let observing: Set<Improvement> = [
    .outputs, .gptq, .sequential, .bias, .adaround, .reconstruct,
  ]

  /// Those that are done unless others are asked for; a gain is not a power of two.
  public static func all(for scales: ScaleRule) -> Set<Improvement> {
    scales == .powerOfTwo ? [.outputs, .squant, .bias] : [.outputs, .squant, .gain, .bias]
  }
}
