public import OpenCLBackend
public import OpenCLHost

/// Searches the numbers that a device's kernels are fastest with, one ``OpenCLBackend/TunableParameter``
/// after the other.
///
/// Every candidate's results are held against the reference before it is timed; candidates take
/// turns, so that a machine that slows down slows all. The best replaces the standard only where it
/// saves more than noise, and does so again in a second contest of the two.
public struct Tuner {
  private let device: Device
  private let settings: BenchmarkSettings
  private let facts: DeviceFacts
  /// What has been found so far.
  public private(set) var tuning: Tuning

  /// A share of the standard's time that a candidate must save.
  private static let leastGain = 0.03

  /// A search on `device`, beginning with `tuning`.
  public init(_ device: Device, _ settings: BenchmarkSettings, from tuning: Tuning) throws {
    self.device = device
    self.settings = settings
    self.tuning = tuning
    facts = try OpenCLBackend(device, tuning: tuning).facts
  }

  /// What became of a candidate.
  public struct Trial: Sendable {
    /// The candidate.
    public let numbers: [Int]
    /// Seconds of all workloads, each in its median round; `nil` where it is not used.
    public internal(set) var seconds: Double?
    /// Why it is not used.
    public internal(set) var failure: String?
  }

  /// What was found about a parameter.
  public struct Finding: Sendable {
    /// The parameter.
    public let parameter: TunableParameter
    /// The candidates, the standard first.
    public let trials: [Trial]
    /// What is used from now on.
    public let chosen: [Int]
  }

  /// The parameters that the device's kernels look at.
  public var parameters: [TunableParameter] {
    TunableParameter.all.filter { $0.candidates(on: facts).count > 1 }
  }

  /// Tunes one parameter.
  ///
  /// - Throws: `DeviceError` where the standard itself fails; ``WrongResult`` where it differs from the
  ///   reference.
  public mutating func tune(_ parameter: TunableParameter) throws -> Finding {
    let workloads = TuningWorkload.all(for: parameter, settings)
    func contest(_ candidates: [[Int]]) throws -> (trials: [Trial], winner: Trial?) {
      var trials = candidates.map { Trial(numbers: $0) }
      for workload in workloads { try time(workload, parameter, &trials) }
      let best = trials.min { ($0.seconds ?? .infinity) < ($1.seconds ?? .infinity) }
      let limit = (trials[0].seconds ?? 0) * (1 - Self.leastGain)
      return (trials, best.flatMap { ($0.seconds ?? .infinity) < limit ? $0 : nil })
    }
    let (trials, first) = try contest(parameter.candidates(on: facts))
    let chosen = try first.flatMap { try contest([trials[0].numbers, $0.numbers]).winner }?.numbers
    tuning[parameter] = chosen
    return Finding(parameter: parameter, trials: trials, chosen: chosen ?? trials[0].numbers)
  }

  private func time(
    _ workload: TuningWorkload, _ parameter: TunableParameter, _ trials: inout [Trial]
  ) throws {
    var runs: [Int: () throws -> Void] = [:]
    for index in trials.indices where trials[index].failure == nil {
      var candidate = tuning
      candidate[parameter] = trials[index].numbers
      do {
        let backend = try OpenCLBackend(device, tuning: candidate)
        runs[index] = try workload.start(backend)
      } catch  where index > 0 {
        trials[index].failure = "\(error)"
        trials[index].seconds = nil
      }
    }
    var times: [Int: [Double]] = [:]
    for round in 0..<settings.rounds {
      let order = runs.keys.sorted()
      for place in order.indices {
        let index = order[(place + round) % order.count]
        guard let run = runs[index] else { continue }
        do {
          times[index, default: []].append(try seconds(run))
        } catch  where index > 0 {
          trials[index].failure = "\(error)"
          trials[index].seconds = nil
          runs[index] = nil
        }
      }
    }
    for (index, times) in times where trials[index].failure == nil {
      trials[index].seconds = (trials[index].seconds ?? 0) + BenchmarkResult.median(of: times)
    }
  }
}
