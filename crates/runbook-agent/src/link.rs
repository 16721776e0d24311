//! What the conversations of an agent share, and what the threads of one link do.

use crate::at_boot::AtBoot;
use crate::epochs::Epochs;
use crate::hub::Hub;
use runbook_engine::{Control, Letter};
use runbook_model::RunId;
use runbook_session::{CommandError, Session};
use runbook_wire::{Contents, FromAgent, Hello, WireError, write_bytes, write_message};
use std::io::BufWriter;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::UnboundedSender;

/// What all conversations of an agent share.
pub(crate) struct Shared {
    pub(crate) session: Session,
    /// Hears of the controls of a run that begins, for signals of the process.
    pub(crate) on_run: Box<dyn Fn(UnboundedSender<Control>) + Send + Sync>,
    pub(crate) version: String,
    pub(crate) hub: Arc<Hub>,
    pub(crate) at_boot: Option<AtBoot>,
    pub(crate) contents: Contents,
    pub(crate) epochs: Epochs,
    /// Removes what the agent needs, and names what is left.
    pub(crate) retire: Box<dyn Fn() -> Result<Vec<String>, CommandError> + Send + Sync>,
}

/// The way to the controller, for the threads of one link.
#[derive(Clone)]
pub(crate) struct Out(Arc<Mutex<BufWriter<UnixStream>>>);

impl Out {
    pub(crate) fn over(stream: UnixStream) -> Self {
        Self(Arc::new(Mutex::new(BufWriter::new(stream))))
    }

    pub(crate) fn send(&self, message: &FromAgent) -> Result<(), WireError> {
        write_message(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), message)
    }

    pub(crate) fn send_bytes(&self, bytes: &[u8]) -> Result<(), WireError> {
        write_bytes(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), bytes)
    }
}

/// What the threads of one link share.
pub(crate) struct Link {
    pub(crate) out: Out,
    pub(crate) hello: Hello,
}

impl Link {
    /// Tells a run of this agent something.
    pub(crate) fn tell(&self, hub: &Hub, run: &RunId, control: Control) {
        // An agent does not leave a run: it would keep the host from everybody.
        if control != Control::Letter(Letter::Leave) {
            // The run may be over by now, and what it was told meets nobody.
            let _ = hub.tell(run, control);
        }
    }
}
