//! Secrets that are waited for, each until it is handed in, withdrawn, or its time is over.

use super::Runner;
use crate::Came;
use crate::input::Input;
use runbook_model::format_duration;
use runbook_step::SecretValue;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

/// A secret may be this large, wherever it comes from.
const LARGEST: usize = 1 << 20;

/// The secrets that stand open.
#[derive(Default)]
pub(super) struct HandIns(HashMap<String, oneshot::Sender<()>>);

impl HandIns {
    /// Waits for `secret`. How that ends goes to `done`.
    pub(super) fn wait(&mut self, secret: String, within: Duration, done: UnboundedSender<Input>) {
        let (came, comes) = oneshot::channel();
        self.0.insert(secret.clone(), came);
        tokio::spawn(async move {
            let came = tokio::select! {
                biased;
                handed_in = comes => if handed_in.is_ok() { Came::HandedIn } else { Came::Withdrawn },
                () = tokio::time::sleep(within) => {
                    Came::Missed(format!("nobody did within {}", format_duration(within)))
                }
            };
            let _ = done.send(Input::Secret { secret, came });
        });
    }

    /// None is waited for any more.
    pub(super) fn withdraw(&mut self) {
        self.0.clear();
    }
}

impl Runner {
    /// Takes a secret that is waited for. The sender of any other learns from the journal that it was refused. What was sent is in
    /// no record: not even as a name, which may be a value by mistake.
    pub(super) fn take_secret(&mut self, secret: &str, value: SecretValue) -> Option<Input> {
        let refused = |because: String| Some(Input::Refused { control: "secret".to_owned(), step: None, because });
        if self.worker.program.plan().secret(secret).is_none() {
            return refused("the plan has no secret of that name".to_owned());
        }
        if value.expose().len() > LARGEST {
            return refused(format!("`{secret}` is larger than 1 MiB"));
        }
        match self.hand_ins.0.remove(secret) {
            Some(came) if !came.is_closed() => {
                self.worker.secrets.know(secret, value);
                let _ = came.send(());
                None
            }
            _ => refused(format!("`{secret}` is not waited for")),
        }
    }
}
