//! What can be asked of a host and is answered at once: plain data in both directions, so that it is asked here and afar in the
//! same way. Runs, which take their time, are in `offers.rs`.

use crate::accept::ByHand;
use crate::approve::Approved;
use crate::cancel::{Stop, Stopped};
use crate::commit::Committed;
use crate::error::Error;
use crate::keeping::{Backups, Verified};
use crate::known::Known;
use crate::pruning::Past;
use crate::session::Session;
use crate::standing::{History, HostState};
use crate::survey::Surveyed;
use runbook_model::AtWork;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A question with the type of its answer.
pub trait Ask: Into<Request> {
    /// What comes back.
    type Answer: Serialize + DeserializeOwned;

    /// Answers it on this host.
    fn answer(self, session: &Session) -> Result<Self::Answer, Error>;
}

/// Each question is a type and a variant of [`Request`], so that none can be asked that no host answers.
macro_rules! asks {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* } => $answer:ty, $session:ident => $do:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
            pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }

            impl Ask for $name {
                type Answer = $answer;

                fn answer(self, $session: &Session) -> Result<Self::Answer, Error> {
                    let Self { $($field,)* } = self;
                    $do
                }
            }

            impl From<$name> for Request {
                fn from(ask: $name) -> Self {
                    Self::$name(ask)
                }
            }
        )*

        /// Any question.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "ask", rename_all = "kebab-case")]
        pub enum Request {
            $($(#[$doc])* $name($name),)*
        }

        impl Session {
            /// Answers any question with the value of its [`Ask::Answer`].
            pub fn answer(&self, request: Request) -> Result<Value, Error> {
                match request {
                    $(Request::$name(ask) => {
                        serde_json::to_value(ask.answer(self)?).map_err(|error| Error::Io(error.into()))
                    })*
                }
            }
        }
    };
}

asks! {
    /// What the host is, and how it stands, for a list of many.
    Survey {} => Surveyed, session => session.survey();
    /// How it stands.
    Status {} => HostState, session => session.status();
    /// All of its runs.
    Runs {} => History, session => session.history();
    /// All about one run; about the latest one without a name, which may be the beginning of its id.
    Show {
        /// The name.
        run: Option<String>
    } => Shown, session => session.shown(run.as_deref());
    /// Lets a step pass that waits for a person.
    Approve {
        /// The run.
        run: String,
        /// The step.
        step: String,
        /// Why.
        because: String
    } => Approved, session => session.approve(&run, &step, &because);
    /// Stops a run that another process holds.
    Cancel {
        /// The run; the latest one without a name.
        run: Option<String>,
        /// How.
        stop: Stop
    } => Stopped, session => session.cancel(run.as_deref(), stop);
    /// What is kept there.
    ListBackups {} => Backups, session => session.backups();
    /// Reads a backup, and compares every digest with its manifest.
    VerifyBackup {
        /// Its name, or the beginning of it.
        backup: String
    } => Verified, session => session.verify(&backup);
    /// Removes what is past its retention, or only says what that is; `None` if nothing was ever done there.
    Prune {
        /// Whether nothing is removed.
        dry_run: bool
    } => Option<Vec<Past>>, session => if dry_run { session.prunable() } else { session.prune() };
    /// Closes by hand what is stuck, open or lost.
    Accept {
        /// Why.
        because: String
    } => ByHand, session => session.accept(&because);
    /// Keeps what the run holds.
    Commit {
        /// The run; the latest one without a name.
        run: Option<String>
    } => Committed, session => session.commit(run.as_deref());
}

/// A run, and who is at work on the host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shown {
    /// The run.
    pub known: Known,
    /// Who is at work.
    pub holder: Option<AtWork>,
}

impl Request {
    /// Whether it changes something, so that it is not asked again where nobody knows whether it was heard.
    pub fn acts(&self) -> bool {
        match self {
            Self::Approve(_) | Self::Cancel(_) | Self::Commit(_) | Self::Accept(_) => true,
            Self::Prune(prune) => !prune.dry_run,
            Self::Survey(_) | Self::Status(_) | Self::Runs(_) | Self::Show(_) => false,
            Self::ListBackups(_) | Self::VerifyBackup(_) => false,
        }
    }
}

impl Session {
    fn shown(&self, name: Option<&str>) -> Result<Shown, Error> {
        let known = self.show(name)?;
        Ok(Shown { known, holder: self.at_work()? })
    }
}
