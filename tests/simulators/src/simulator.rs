//! A device behind a socket, and the levers that a test has.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use tokio::sync::oneshot;

use crate::{
    Clock, Device, Faults, Health, Journal,
    serve::{Stage, serve},
    tls::Authority,
};

/// How a simulator is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Port 0: any.
    pub listen: SocketAddr,
    /// With a certificate of an authority of its own.
    pub tls: bool,
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 0)), tls: false, clock: Clock::still() }
    }
}

/// A device that answers. Dropped, it ends.
pub struct Simulator<D> {
    pub clock: Clock,
    pub faults: Faults,
    pub journal: Journal,
    pub health: Health,
    device: Arc<Mutex<D>>,
    address: SocketAddr,
    authority: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl<D: Device> Simulator<D> {
    /// Starts one. It answers when this returns.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn start(device: D, options: Options) -> io::Result<Self> {
        let authority = options.tls.then(Authority::new).transpose()?;
        let listener = TcpListener::bind(options.listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let device = Arc::new(Mutex::new(device));
        let (faults, journal, health) = (Faults::default(), Journal::default(), Health::default());
        let stage = Arc::new(Stage {
            device: Arc::clone(&device),
            clock: options.clock.clone(),
            faults: faults.clone(),
            journal: journal.clone(),
            health: health.clone(),
            acceptor: authority.as_ref().map(|authority| authority.acceptor.clone()),
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new().name("simulator".to_owned()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                tokio::select! {
                    () = serve(listener, stage) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self {
            clock: options.clock,
            faults,
            journal,
            health,
            device,
            address,
            authority: authority.map(|authority| authority.pem),
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// As in `http://127.0.0.1:34567`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority's certificate (PEM), when it speaks TLS.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// The device itself. It answers nobody while this is held.
    pub fn device(&self) -> MutexGuard<'_, D> {
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D> Simulator<D> {
    /// Answers until the process ends.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            // It ends only with a panic, which has been said.
            let _ = thread.join();
        }
    }
}

impl<D> Drop for Simulator<D> {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread may have ended already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
