import Checksums
import Testing

@Suite struct ChecksumsTests {
  /// Messages and digests of FIPS 180-4 and NIST's CAVP.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopq"
        + "klmnopqrlmnopqrsmnopqrstnopqrstu",
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
    ),
  ])
  func sha256OfPublishedMessages(_ message: String, _ digest: String) {
    #expect(SHA256.hexadecimal(SHA256.digest(of: Array(message.utf8))) == digest)
  }

  @Test func sha256OfAMillionLetters() {
    let expected = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    for pieceLength in [1000, 64, 61, 1_000_000] {
      var hash = SHA256()
      var rest = 1_000_000
      while rest > 0 {
        let count = min(rest, pieceLength)
        hash.update([UInt8](repeating: UInt8(ascii: "a"), count: count))
        rest -= count
      }
      #expect(SHA256.hexadecimal(hash.finalize()) == expected, "in pieces of \(pieceLength)")
    }
  }

  /// Every length around a block's end, whole and split in two.
  @Test func sha256DoesNotDependOnPieces() {
    for length in 50...130 {
      let message = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37) }
      for cut in [0, 1, length / 2, length - 1] {
        var hash = SHA256()
        hash.update(Array(message[..<cut]))
        hash.update(Array(message[cut...]))
        #expect(hash.finalize() == SHA256.digest(of: message))
      }
    }
  }

  /// The messages of RFC 1321, appendix A.5.
  @Test(arguments: [
    ("", "d41d8cd98f00b204e9800998ecf8427e"),
    ("a", "0cc175b9c0f1b6a831c399e269772661"),
    ("abc", "900150983cd24fb0d6963f7d28e17f72"),
    ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
    ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
    (
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
      "d174ab98d277d9f5a5611c2c9f419d9f"
    ),
    (
      "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
      "57edf4a22be3c955ac49da2e2107b67a"
    ),
  ])
  func md5OfPublishedMessages(_ message: String, _ digest: String) {
    #expect(SHA256.hexadecimal(MD5.digest(of: Array(message.utf8))) == digest)
  }

  @Test func md5DoesNotDependOnPieces() {
    for length in 50...130 {
      let message = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37) }
      for cut in [0, 1, length / 2, length - 1] {
        var hash = MD5()
        hash.update(Array(message[..<cut]))
        hash.update(Array(message[cut...]))
        #expect(hash.finalize() == MD5.digest(of: message))
      }
    }
  }

  @Test(
    arguments: [
      ("", 0), ("123456789", 0xcbf4_3926),
      ("The quick brown fox jumps over the lazy dog", 0x414f_a339),
    ] as [(String, UInt32)])
  func crc32OfPublishedMessages(_ message: String, _ checksum: UInt32) {
    #expect(CRC32.checksum(of: Array(message.utf8)) == checksum)
  }
}
