import Bitstream

/// What a reader of our messages meets in a stream.
enum SignalStep {
  /// A coded layer video sequence of a layer begins with a picture.
  case sequence(picture: Int, layer: Int)
  /// A NAL unit of ours stands before a picture; behind the last one it has the number of pictures.
  case unit(ByteStream.Unit, picture: Int)
}

extension ByteStream {
  /// Our NAL units in their order, and the beginnings of sequences between them: a unit before a picture
  /// belongs to the picture's sequence.
  func signalSteps(_ places: [PicturePlace]) -> [SignalStep] {
    var steps: [SignalStep] = []
    // Pictures that are over, and those whose sequences have begun.
    var next = 0
    var begun = 0
    func begin(through picture: Int) {
      while begun <= picture, begun < places.count {
        if places[begun].beginsSequence {
          steps.append(.sequence(picture: begun, layer: places[begun].slice.layer))
        }
        begun += 1
      }
    }
    for unit in signalUnits {
      while next < places.count, places[next].position <= unit.start { next += 1 }
      begin(through: next)
      steps.append(.unit(unit, picture: next))
    }
    begin(through: places.count)
    return steps
  }
}
