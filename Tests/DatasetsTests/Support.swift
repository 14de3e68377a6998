import CImage
import Glibc
import Tensors
import TestFolders

@testable import Datasets

/// A folder that goes away with its last user.
final class TemporaryFolder {
  let path = makeTestFolder("lowbit-datasets")

  deinit { Self.remove(path) }

  /// Writes a file, and the folders that lead to it; returns its path.
  @discardableResult
  func write(_ bytes: [UInt8], _ name: String) -> String {
    let target = "\(path)/\(name)"
    var folder = path
    for part in name.split(separator: "/").dropLast() {
      folder += "/\(part)"
      mkdir(folder, 0o755)
    }
    guard let file = fopen(target, "wb") else { preconditionFailure("cannot write \(target)") }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
    return target
  }

  @discardableResult
  func write(_ text: String, _ name: String) -> String { write(Array(text.utf8), name) }

  func bytes(_ name: String) -> [UInt8] {
    guard let source = try? ByteSource(path: "\(path)/\(name)") else { return [] }
    return (try? source.bytes(at: 0, count: source.count)) ?? []
  }

  private static func remove(_ path: String) {
    if let directory = opendir(path) {
      while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != "." && name != ".." { Self.remove("\(path)/\(name)") }
      }
      closedir(directory)
      rmdir(path)
    } else {
      unlink(path)
    }
  }
}

extension ModelInput {
  static func image(_ shape: [Int?], name: String = "image") -> ModelInput {
    ModelInput(name: name, elementType: .float32, shape: shape)
  }
}

/// The data that `text` names, for one input.
func dataset(_ text: String, _ inputs: ModelInput...) throws -> any Dataset {
  try DataSpecification(parsing: text).open(for: inputs)
}

/// The message of the ``DataError`` that `body` throws.
func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "nothing was thrown"
  } catch {
    return "\(error)"
  }
}

/// `(37 y + 101 x + 59 c + 7 x y) mod 256`: a picture without symmetries.
func pattern(height: Int, width: Int, channels: Int) -> Image {
  var pixels: [UInt8] = []
  for y in 0..<height {
    for x in 0..<width {
      for c in 0..<channels {
        pixels.append(UInt8(truncatingIfNeeded: 37 * y + 101 * x + 59 * c + 7 * x * y))
      }
    }
  }
  return Image(height: height, width: width, channels: channels, pixels: pixels)
}

func png(_ image: Image) -> [UInt8] {
  var header = png_image()
  header.version = UInt32(PNG_IMAGE_VERSION)
  header.width = UInt32(image.width)
  header.height = UInt32(image.height)
  header.format = image.channels == 1 ? 0 : UInt32(PNG_FORMAT_FLAG_COLOR)
  var bytes = [UInt8](repeating: 0, count: 1 << 16)
  var count = bytes.count
  let stride = Int32(image.width * image.channels)
  let wrote = png_image_write_to_memory(&header, &bytes, &count, 0, image.pixels, stride, nil)
  precondition(wrote == 1, "libpng cannot write")
  return Array(bytes[..<count])
}

/// Quality 100 without chroma subsampling.
func jpeg(_ image: Image) -> [UInt8] {
  var info = jpeg_compress_struct()
  var errors = jpeg_error_mgr()
  return withUnsafeMutablePointer(to: &errors) { errors in
    info.err = jpeg_std_error(errors)
    jpeg_CreateCompress(&info, JPEG_LIB_VERSION, MemoryLayout<jpeg_compress_struct>.size)
    var target: UnsafeMutablePointer<UInt8>?
    var count: UInt = 0
    jpeg_mem_dest(&info, &target, &count)
    info.image_width = UInt32(image.width)
    info.image_height = UInt32(image.height)
    info.input_components = Int32(image.channels)
    info.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB
    jpeg_set_defaults(&info)
    jpeg_set_quality(&info, 100, boolean(1))
    info.comp_info[0].h_samp_factor = 1
    info.comp_info[0].v_samp_factor = 1
    jpeg_start_compress(&info, boolean(1))
    var pixels = image.pixels
    pixels.withUnsafeMutableBufferPointer { pixels in
      for y in 0..<image.height {
        var row: JSAMPROW? = pixels.baseAddress! + y * image.width * image.channels
        jpeg_write_scanlines(&info, &row, 1)
      }
    }
    jpeg_finish_compress(&info)
    jpeg_destroy_compress(&info)
    defer { free(target) }
    return Array(UnsafeBufferPointer(start: target, count: Int(count)))
  }
}

/// A gzip file of one member.
func gzip(_ bytes: [UInt8]) -> [UInt8] { deflated(bytes, windowBits: 31) }

func deflated(_ bytes: [UInt8], windowBits: Int32) -> [UInt8] {
  // On the heap, because zlib keeps its address.
  let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  stream.initialize(to: z_stream())
  deflateInit2_(
    stream, 6, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
    Int32(MemoryLayout<z_stream>.size))
  defer {
    deflateEnd(stream)
    stream.deallocate()
  }
  var input = bytes
  var output = [UInt8](repeating: 0, count: bytes.count + 1024)
  let count = output.count
  input.withUnsafeMutableBufferPointer { input in
    output.withUnsafeMutableBufferPointer { output in
      stream.pointee.next_in = input.baseAddress
      stream.pointee.avail_in = UInt32(input.count)
      stream.pointee.next_out = output.baseAddress
      stream.pointee.avail_out = UInt32(count)
      deflate(stream, Z_FINISH)
    }
  }
  return Array(output[..<(count - Int(stream.pointee.avail_out))])
}

func crc(_ bytes: [UInt8]) -> UInt { crc32(0, bytes, UInt32(bytes.count)) }
