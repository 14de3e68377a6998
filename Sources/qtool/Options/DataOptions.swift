import ArgumentParser

/// What data the model is given.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Data: PATH or 'PATH?option=value&...'.",
      discussion: """
        PATH: .npy, .npz, an IDX images file, a CIFAR-10 binary file, a folder of .npy, JPEG or PNG \
        files (a class per sub-folder, or labels=CSV), super-resolution pairs (*_LR.png, *_HR.png), \
        an ONNX test_data_set folder, or random:N. Options: limit, offset, shuffle, batch, scale, \
        mean, std, resize, crop, channels, layout, dtype, labels.
        """, valueName: "spec"), completion: .file())
  var data: String
}
