import Datasets
import Glibc
import Tensors
import Testing

@testable import Evaluation

@Suite struct ScoresTests {
  @Test func countsTheLargestAndTheFirstFive() {
    var score = ClassificationScore()
    let outputs: [Double] = [0, 6, 1, 5, 2, 4, 3]
    for label in 0..<7 { score.add(outputs: outputs, label: label) }
    // Places by size: 1, 3, 5, 6, 4 are the five largest.
    #expect(abs(score.top1 - 100 / 7.0) < 1e-12 && abs(score.top5 - 500 / 7.0) < 1e-12)
  }

  @Test func equalOutputsGoToTheLowerIndex() {
    var score = ClassificationScore()
    score.add(outputs: [1, 1, 1], label: 0)
    #expect(score.top1 == 100)
    score.add(outputs: [1, 1, 1], label: 1)
    #expect(score.top1 == 50)
  }

  @Test func notANumberIsNeverRight() {
    var score = ClassificationScore()
    score.add(outputs: [.nan, .nan], label: 0)
    score.add(outputs: [.nan, 1], label: 1)
    #expect(score.top1 == 0 && score.top5 == 50)
  }

  @Test func decibels() {
    var ratio = SignalToNoise()
    for _ in 0..<4 { ratio.add(10.1, reference: 10) }
    #expect(abs(ratio.decibels - 40) < 1e-9)
    var same = SignalToNoise()
    same.add(3, reference: 3)
    #expect(same.decibels == .infinity)
  }
}

@Suite struct EnlargementTests {
  /// A picture of `height` x `width` whose pixels say where they are.
  func picture(_ height: Int, _ width: Int) -> Enlargement.Plane {
    Enlargement.Plane(
      height: height, width: width,
      values: (0..<height * width).map { Double($0) / Double(height * width) })
  }

  /// Every pixel `scale` times in both directions.
  func nearest(_ pixels: [Float], _ tile: (height: Int, width: Int), scale: Int) -> Tensor {
    var values: [Float] = []
    for y in 0..<tile.height * scale {
      for x in 0..<tile.width * scale { values.append(pixels[y / scale * tile.width + x / scale]) }
    }
    return Tensor(values, shape: [1, 1, tile.height * scale, tile.width * scale])
  }

  /// Tiles, their overlaps and the padding leave no trace when the model looks at single pixels.
  @Test(arguments: [[10, 12], [40, 20], [41, 67], [20, 20]])
  func tilesMeet(size: [Int]) throws {
    let picture = picture(size[0], size[1])
    let tile = (height: 20, width: 20)
    let large = try Enlargement.enlarge(picture, tile: tile, "picture") {
      nearest($0, tile, scale: 3)
    }
    #expect(large.height == 3 * size[0] && large.width == 3 * size[1])
    let expected = nearest(picture.values.map { Float($0) }, (size[0], size[1]), scale: 3)
    #expect(large.values == expected.array(of: Float.self).map(Double.init))
  }

  @Test func refusesWhatIsNoEnlargement() {
    let error = #expect(throws: DataError.self) {
      try Enlargement.enlarge(picture(4, 4), tile: (4, 4), "a.png") { _ in
        Tensor(repeating: Float(0), shape: [1, 1, 8, 12])
      }
    }
    #expect(
      error?.description.contains("a.png: the model's output has shape [1, 1, 8, 12]") == true)
  }

  @Test func psnrIsTakenInside() throws {
    let low = picture(4, 4)
    // 0.5 is 125.5 in limited range; off by 1 everywhere but in the border, which does not count.
    let large = Enlargement.Plane(height: 8, width: 8, values: .init(repeating: 0.5, count: 64))
    var values = [Double](repeating: 126.5, count: 64)
    for index in 0..<64 where [0, 1, 6, 7].contains(index / 8) || [0, 1, 6, 7].contains(index % 8) {
      values[index] = 0
    }
    let high = Enlargement.Plane(height: 8, width: 8, values: values)
    let psnr = try Enlargement.psnr(of: large, against: high, from: low, "a.png")
    #expect(abs(psnr - 20 * log10(255)) < 1e-9)
  }
}
