import Tensors
import Testing

@testable import Datasets

@Suite struct DataSpecificationTests {
  @Test func readsEveryOption() throws {
    let text =
      "images/?resize=256&crop=224x192&mean=0.485,0.456,0.406&std=0.229,0.224,0.225&scale=1/255"
      + "&layout=nchw&labels=l.csv&limit=10&offset=3&shuffle=7&batch=4&channels=bgr&dtype=float32"
    let data = try DataSpecification(parsing: text)
    #expect(data.path == "images/")
    #expect(data.resize == .shortSide(Fraction(256)))
    #expect(data.crop == .init(height: 224, width: 192))
    #expect(data.mean.map(\.value) == [0.485, 0.456, 0.406])
    #expect(data.standardDeviation.map(\.value) == [0.229, 0.224, 0.225])
    #expect(data.scale.numerator == 1 && data.scale.denominator == 255)
    #expect(data.layout == .nchw && data.labels == "l.csv" && data.channels == .bgr)
    #expect(data.limit == 10 && data.offset == 3 && data.shuffle == 7 && data.batch == 4)
    #expect(data.elementType == .float32)
  }

  @Test func theBatchIsNoPartOfTheIdentity() throws {
    for (text, identity) in [
      ("a?batch=4&limit=3", "a?limit=3"), ("a?limit=3&batch=4", "a?limit=3"), ("a?batch=1", "a"),
      ("a", "a"), ("a?limit=3", "a?limit=3"),
    ] {
      #expect(try DataSpecification(parsing: text).identity == identity)
    }
  }

  @Test func resizesToFractionsAndRectangles() throws {
    #expect(
      try DataSpecification(parsing: "a?resize=128/0.875").resize
        == .shortSide(#require(Fraction(parsing: "128/0.875"))))
    #expect(
      try DataSpecification(parsing: "a?resize=240x320").resize
        == .exactly(.init(height: 240, width: 320)))
  }

  @Test(arguments: [
    ("a?limit=0", "limit=0: expected a whole number, at least 1"),
    ("a?limit=ten", "limit=ten: expected a whole number, at least 1"),
    ("a?scale=1/0", "scale=1/0: expected a number or a fraction such as 1/255"),
    ("a?std=1,0", "std=1,0: expected a number other than zero for each channel"),
    ("a?mean=1,,2", "mean=1,,2: expected numbers or fractions such as 1/255, with commas between"),
    ("a?crop=0", "crop=0: expected a side in pixels or HEIGHTxWIDTH"),
    ("a?layout=chw", "layout=chw: expected nchw or nhwc"),
    ("a?dtype=half", "dtype=half: expected a type such as float32, float16 or uint8"),
    ("a?channels=4", "channels=4: expected 1, 3, gray, rgb or bgr"),
    ("a?limit=1&limit=2", "option 'limit' is given twice"),
    ("a?shuffle", "option 'shuffle' has no value: write shuffle=..."),
    ("?limit=1", "names no path"),
  ])
  func refuses(text: String, reason: String) {
    let error = #expect(throws: DataSpecificationError.self) {
      try DataSpecification(parsing: text)
    }
    #expect(error?.description == "data '\(text)': \(reason)")
  }

  @Test func namesTheOptionsThereAre() {
    let error = #expect(throws: DataSpecificationError.self) {
      try DataSpecification(parsing: "a?scal=1")
    }
    #expect(error?.description.contains("there is no option 'scal'; there are limit,") == true)
  }

  @Test(arguments: [1, 2, 3, 17, 1000])
  func shufflePermutes(count: Int) {
    let shuffle = Shuffle(count: count, seed: 5)
    let order = (0..<count).map { shuffle($0) }
    #expect(order.sorted() == Array(0..<count))
    if count == 1000 {
      #expect(order != Array(0..<count))
      #expect(order != (0..<count).map { Shuffle(count: count, seed: 6)($0) })
      // Neighbours are torn apart: an order that only rotates or reverses would keep them.
      let steps = zip(order, order.dropFirst()).filter { abs($0 - $1) == 1 }.count
      #expect(steps < 20)
    }
  }
}
