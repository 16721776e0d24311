//! The messages. Each but the last two of [`ToAgent`] has one answer, and one that begins or follows a run is answered by
//! what happens in it, up to [`FromAgent::Done`].

use crate::frame::WireError;
use crate::hello::{Hello, Welcome};
use runbook_engine::{Control, Foretold, Interrupt};
use runbook_model::{Record, RunId, StepId};
use runbook_session::{
    CommandError, Notice, Offered, Previewed, Request, Restore, Restoring, ResumeOffer, ToApply, ToRestore, ToRollBack,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// From the controller.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToAgent {
    /// Who calls; comes first. → [`FromAgent::Welcome`]
    Hello(Hello),
    /// Asks what is answered at once. → [`FromAgent::Answer`]
    Ask(Request),
    /// Asks which contents, named by their digests, are still to be sent. → [`FromAgent::Lacks`]
    Have(Vec<String>),
    /// Sends a content from an offset on, as bytes that follow. → [`FromAgent::Stored`]
    Put {
        /// BLAKE3 of the whole content, in hex.
        digest: String,
        /// Where the bytes begin.
        offset: u64,
        /// The size of the whole content.
        size: u64,
    },
    /// Fetches what the host offers from an offset on. → [`FromAgent::Piece`]
    Get {
        /// What.
        what: Offered,
        /// Where the bytes are to begin.
        offset: u64,
    },
    /// Asks what a plan would do. → [`FromAgent::Previewed`]
    Preview {
        /// The digest of what is saved with a run, as JSON; its contents were sent before.
        saved: String,
    },
    /// Asks for the host for a run of a plan. → [`FromAgent::Held`]
    Apply {
        /// The digest of what is saved with a run, as JSON; its contents were sent before.
        saved: String,
        /// Within how many milliseconds the run is to be committed once all is done, if it is.
        hold_ms: Option<u64>,
        /// The id that the controller derived for the run; without one the host draws it.
        run: Option<RunId>,
    },
    /// Asks for the host for this work alone, or longer for it. → [`FromAgent::Reserved`]
    Reserve {
        /// What for, in words.
        what: String,
        /// For how many milliseconds from now on, if nothing of the work begins before.
        for_ms: u64,
    },
    /// Lets go of the host that is reserved for this work. → [`FromAgent::Released`]
    Release,
    /// Asks for the host to go on with the open run. → [`FromAgent::Held`]
    Resume {
        /// The beginning of its id.
        run: Option<String>,
    },
    /// Asks for the host to take a run back. → [`FromAgent::Held`]
    Rollback {
        /// The beginning of its id.
        run: Option<String>,
        /// Whether what is known of it is enough.
        over_a_loss: bool,
    },
    /// Asks for the host to settle the open run with nobody there. → [`FromAgent::Held`]
    Recover {
        /// Whether it goes on if it was going forward and nothing is in its way.
        forward: bool,
    },
    /// Asks for the host to put paths back from a backup. → [`FromAgent::Held`]
    Restore(Restore),
    /// Puts them back. → [`FromAgent::Restoring`], as often as there is something to tell, then [`FromAgent::Restored`]
    PutBack,
    /// Begins the run that is held, and follows it. → [`FromAgent::Begun`], then as [`Follow`](Self::Follow)
    Begin {
        /// For how many milliseconds an answer is waited for; `None` where nobody is there to be asked.
        patience_ms: Option<u64>,
        /// The number of the last record of it that is known.
        after: u64,
    },
    /// Follows a run from behind a record on. → [`FromAgent::Record`] and others, at last [`FromAgent::Done`]
    Follow {
        /// The run.
        run: RunId,
        /// The number of the last record that is known.
        after: u64,
    },
    /// Removes what the agent needs and no run. → [`FromAgent::Retired`]
    Retire,
    /// Tells a run of this agent. One that is over by now is told nothing, and neither is the next one.
    Tell {
        /// The run.
        run: RunId,
        /// What.
        control: Control,
    },
    /// → [`FromAgent::Pong`]
    Ping(u64),
}

impl ToAgent {
    /// The message in `json`, or the name of one that this version does not know. An error is no JSON.
    pub fn of(json: &[u8]) -> Result<Result<Self, String>, WireError> {
        match serde_json::from_slice(json) {
            Ok(message) => Ok(Ok(message)),
            Err(_) => Ok(Err(name(&serde_json::from_slice(json)?))),
        }
    }
}

/// What a message is called; what is asked has a name of its own.
fn name(message: &Value) -> String {
    let Some((name, inside)) = message.as_object().and_then(|object| object.iter().next()) else {
        return message.as_str().unwrap_or("without a name").to_owned();
    };
    match inside.as_object().and_then(|object| object.keys().next()).filter(|_| name == "ask") {
        Some(asked) => format!("{name} {asked}"),
        None => name.clone(),
    }
}

/// From the agent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FromAgent {
    /// Both understand each other.
    Welcome(Box<Welcome>),
    /// Why not.
    Refused(Box<CommandError>),
    /// The answer, of the type that the question has.
    Answer(Value),
    /// What is still to be sent.
    Lacks(Vec<Lack>),
    /// A content is there, and is what its digest says.
    Stored(String),
    /// A piece of what the host offers. One frame of bytes follows, unless the offset is at its end.
    Piece {
        /// BLAKE3 of the whole, in hex.
        digest: String,
        /// The size of the whole in bytes.
        size: u64,
    },
    /// What a plan would do.
    Previewed(Box<Previewed>),
    /// What came of asking for the host.
    Held(Box<Held>),
    /// The host is held for the work until then, in milliseconds since 1970 by its clock.
    Reserved(i64),
    /// The host is not held for the work any more.
    Released,
    /// The run is about to begin.
    Begun(RunId),
    /// The host knows no such run.
    NoSuchRun(RunId),
    /// A record of the run that is followed.
    Record(Box<Record>),
    /// What a step is doing.
    Progress {
        /// The step.
        step: StepId,
        /// In words.
        note: String,
    },
    /// What a control means now.
    Interrupted(Interrupt),
    /// The host's clock, in milliseconds since 1970, while something is under way.
    Tick(i64),
    /// Nobody is at work on the run that is followed any more.
    Done(Box<Done>),
    /// What a restore tells as it happens.
    Restoring(Restoring),
    /// All paths are put back; where what was there before is, if anything had to be set aside.
    Restored(Option<PathBuf>),
    /// What is left on the host after the agent is gone.
    Retired(Vec<String>),
    /// The number of the ping.
    Pong(u64),
}

/// A content that is not there, or not whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lack {
    /// Its digest.
    pub digest: String,
    /// How many bytes of it are there.
    pub have: u64,
}

/// What came of asking for the host.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// It is as the plan wants it.
    NothingToDo(Foretold),
    /// The run of that id has begun already, and may be over; nothing is held.
    Begun(RunId),
    /// It is held for a run of the plan.
    ToApply(ToApply),
    /// No run is open.
    NoneOpen,
    /// It is held for the open run.
    ToResume(ResumeOffer),
    /// No run has anything to take back.
    NothingToTakeBack,
    /// This run has nothing to take back.
    LeftNothing {
        /// The run.
        run: RunId,
        /// Whether the journal lost something, so that nobody knows.
        lost: bool,
    },
    /// It is held for taking a run back.
    ToRollBack(ToRollBack),
    /// It is held for settling the open run, if there is one.
    ToRecover {
        /// What there is to tell so far.
        notices: Vec<Notice>,
        /// The run, with whether it is taken back because that was asked for.
        run: Option<(RunId, bool)>,
    },
    /// It is held for putting paths back.
    ToRestore(ToRestore),
}

/// How a run was left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Done {
    /// The run.
    pub run: RunId,
    /// Whether a rollback was asked for.
    pub asked_back: bool,
    /// How many runs past their retention were removed after it.
    pub pruned: Option<Result<usize, CommandError>>,
    /// What is wrong with the host however the run ended, or why it ended without a verdict.
    pub remains: Option<CommandError>,
    /// What a recovery tells after the run.
    pub notices: Vec<Notice>,
}

impl Done {
    /// A run that was left with nothing to say about it.
    pub fn of(run: RunId) -> Self {
        Self { run, asked_back: false, pruned: None, remains: None, notices: Vec::new() }
    }
}
