import Files
import Glibc

/// Ends the command on SIGINT, SIGTERM and SIGHUP with exit code 130 and without partial files.
enum Interruption {
  /// Blocks the signals in this thread and every later one, and waits for them in a thread of its
  /// own. Call before anything starts a thread.
  static func install() {
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM, SIGHUP] where isWanted(signal) { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { _ in
        var signals = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &signals)
        var received: Int32 = 0
        while sigwait(&signals, &received) != 0 {}
        AtomicFile.removeTemporaryFiles()
        Console.shared.clearStatus()
        Console.shared.raw("interrupted")
        _exit(ExitStatus.interrupted.rawValue)
      }, nil)
    pthread_detach(thread)
  }

  /// Whether the caller lets the signal through: `nohup` and background jobs of a shell ignore some.
  private static func isWanted(_ signal: Int32) -> Bool {
    var action = sigaction()
    sigaction(signal, nil, &action)
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      != unsafeBitCast(SIG_IGN, to: Int.self)
  }
}

/// Makes writing to a closed pipe, or beyond a limit of size, an error instead of a signal.
func ignoreWriteSignals() {
  signal(SIGPIPE, SIG_IGN)
  signal(SIGXFSZ, SIG_IGN)
}
