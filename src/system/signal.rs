//! The end of a program on the word of its operator: Ctrl-C, and SIGTERM where there is one.

use std::{
    future::poll_fn,
    io,
    pin::pin,
    task::{Context, Poll},
    time::Duration,
};

use super::{ShutdownReport, System};

impl System {
    /// Waits for Ctrl-C or, on Unix, for SIGTERM, and shuts the system down then, as [`shutdown`](Self::shutdown).
    ///
    /// A second signal ends the patience: what is still there is killed at once, and the report is about that.
    /// For the last line of `main`, in a service; whatever ends the program otherwise calls `shutdown`. From the
    /// first poll on, and to the end of the process, these signals no longer end it by themselves.
    ///
    /// # Errors
    ///
    /// The signals cannot be listened to: the operating system says why. Nothing has been stopped then.
    ///
    /// # Panics
    ///
    /// In a runtime without an IO driver (`enable_io`).
    ///
    /// # Cancel safety
    ///
    /// Dropped before a signal came, nothing has happened. Dropped later, as `shutdown`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use postbox::prelude::*;
    /// use std::time::Duration;
    ///
    /// #[tokio::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let system = System::new("shop");
    ///     // … start the actors …
    ///     let report = system.shutdown_on_signal(Duration::from_secs(20)).await?;
    ///     println!("{report}");
    ///     Ok(())
    /// }
    /// ```
    pub async fn shutdown_on_signal(&self, within: Duration) -> io::Result<ShutdownReport> {
        let mut signals = Signals::listen()?;
        let first = poll_fn(|cx| signals.poll(cx)).await;
        tracing::info!(target: "postbox", system = self.name(), "{first}: shutting down within {within:?}");
        let mut stopping = pin!(self.shutdown(within));
        let ended = poll_fn(|cx| match stopping.as_mut().poll(cx) {
            Poll::Ready(report) => Poll::Ready(Ok(report)),
            Poll::Pending => signals.poll(cx).map(Err),
        });
        match ended.await {
            Ok(report) => Ok(report),
            Err(second) => {
                tracing::warn!(target: "postbox", system = self.name(), "{second}: killing what has not stopped yet");
                Ok(self.shutdown(Duration::ZERO).await)
            }
        }
    }
}

#[cfg(unix)]
struct Signals([(&'static str, tokio::signal::unix::Signal); 2]);

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self([("SIGINT", interrupt), ("SIGTERM", terminate)]))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<&'static str> {
        for (name, signal) in &mut self.0 {
            if signal.poll_recv(cx).is_ready() {
                return Poll::Ready(name);
            }
        }
        Poll::Pending
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn listen() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<&'static str> {
        self.0.poll_recv(cx).map(|_| "Ctrl-C")
    }
}
