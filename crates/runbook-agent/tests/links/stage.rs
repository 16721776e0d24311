//! An agent in this process, and links to it that are cut at a frame.

use runbook_agent::{Agent, Place, serve};
use runbook_engine::{Observer, Program};
use runbook_fleet::{Afar, Call, Carrier, Stream};
use runbook_journal::{Journal, StateDir};
use runbook_model::{Failure, Record, RunId, RunState};
use runbook_session::{
    ApplyOffer, CommandError, Controls, Door, Ended, Host, PlanText, RollbackOffer, SecretsFromAfar, Session, Source,
    host_facts,
};
use runbook_wire::{FrameReader, FromAgent, Hello, write_message};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::unbounded_channel;

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToAgent,
    FromAgent,
}

/// Where the first link is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) way: Way,
    /// So many frames pass.
    pub(crate) after: usize,
    /// And a half of the next one.
    pub(crate) in_the_middle: bool,
}

/// How many frames went each way over the first link.
#[derive(Default)]
pub(crate) struct Counted {
    pub(crate) to_agent: AtomicUsize,
    pub(crate) from_agent: AtomicUsize,
    pub(crate) links: AtomicUsize,
}

/// A host with an agent.
pub(crate) struct Stage {
    _dir: tempfile::TempDir,
    pub(crate) root: PathBuf,
    place: Place,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_owned();
        let place = Place::of(&root.join("state"));
        let stage = Self { _dir: dir, root, place };
        let agent = Agent {
            place: stage.place.clone(),
            session: stage.session(),
            on_run: Box::new(|_| {}),
            version: "test".to_owned(),
            at_boot: None,
        };
        thread::spawn(move || serve(agent).unwrap());
        let end = Instant::now() + Duration::from_secs(20);
        while UnixStream::connect(stage.place.socket()).is_err() {
            assert!(Instant::now() < end, "the agent does not listen");
            thread::yield_now();
        }
        stage
    }

    fn session(&self) -> Session {
        Session::open(Host {
            state_dir: self.state_dir(),
            facts: LazyLock::new(host_facts),
            own_program: std::env::current_exe,
            catalogue: runbook_kinds::catalogue,
            secrets: Arc::new(SecretsFromAfar),
            version: "test".to_owned(),
        })
    }

    fn state_dir(&self) -> StateDir {
        StateDir::at(self.root.join("state"))
    }

    /// The plan, judged in a checkout.
    pub(crate) fn program(&self) -> Program {
        self.program_and("")
    }

    /// The same with more steps.
    pub(crate) fn program_and(&self, more: &str) -> Program {
        let out = self.root.join("out");
        self.program_of(&format!(
            "  - {{ id: one, uses: file.write, with: {{ path: {0}/one, content: one }} }}
  - {{ id: two, uses: file.template, needs: [one], with: {{ from: page.j2, path: {0}/two, values: {{ port: 8 }} }} }}
  - {{ id: three, uses: file.write, needs: [two], with: {{ path: {0}/three, content: three }} }}
{more}",
            out.display()
        ))
    }

    /// A plan of these steps.
    pub(crate) fn program_of(&self, steps: &str) -> Program {
        let checkout = self.root.join("checkout");
        fs::create_dir_all(&checkout).unwrap();
        fs::create_dir_all(self.root.join("out")).unwrap();
        fs::write(checkout.join("page.j2"), "port {{ port }}\n").unwrap();
        let plan = format!("kind: Plan\nversion: 1\nname: demo\nsteps:\n{steps}");
        let path = checkout.join("plan.yaml");
        fs::write(&path, plan).unwrap();
        let plan = PlanText::at(&path).unwrap();
        let source = Source { plan: &plan, env: None, vars: &[], parallel: 1, elsewhere: None };
        let judged = self.session().load(&source).unwrap();
        judged.program.unwrap_or_else(|| panic!("{:?}", judged.diagnostics))
    }

    /// A door to the agent for `work`. Only its first link is cut.
    pub(crate) fn door(
        &self,
        work: &str,
        epoch: u64,
        cut: Option<Cut>,
        counted: &Arc<Counted>,
    ) -> Result<Afar, CommandError> {
        Afar::reach(self.call(work, epoch, cut, counted))
    }

    /// How that door calls.
    pub(crate) fn call(&self, work: &str, epoch: u64, cut: Option<Cut>, counted: &Arc<Counted>) -> Call {
        let (socket, counted) = (self.place.socket(), Arc::clone(counted));
        let dial = move || {
            let first = counted.links.fetch_add(1, Ordering::SeqCst) == 0;
            Ok(dialled(&socket, cut.filter(|_| first), Arc::clone(&counted)))
        };
        Call {
            host: "vm-a".to_owned(),
            dial: Box::new(dial),
            operator: "ops".to_owned(),
            version: "test".to_owned(),
            work: work.to_owned(),
            epoch,
            max_clock_skew: Duration::from_secs(30),
            secrets: Box::new(|_, name| Err(Failure::missing(format!("nobody asks for {name}")))),
            note: Box::new(|_| {}),
        }
    }

    /// What the agent says first to whoever greets it like this.
    pub(crate) fn greeted(&self, hello: Hello) -> FromAgent {
        self.said([json!({ "hello": hello })]).pop().unwrap()
    }

    /// What the agent answers to each of these messages, one after the other.
    pub(crate) fn said(&self, messages: impl IntoIterator<Item = Value>) -> Vec<FromAgent> {
        let mut agent = UnixStream::connect(self.place.socket()).unwrap();
        agent.read_exact(&mut [0]).unwrap();
        let mut answers = FrameReader::new(agent.try_clone().unwrap());
        let answer = |message: Value| {
            write_message(&mut agent, &message).unwrap();
            answers.message().unwrap().unwrap()
        };
        messages.into_iter().map(answer).collect()
    }

    /// The runs of the host, each with its records.
    pub(crate) fn runs(&self) -> Vec<(RunId, Vec<Record>)> {
        let Some(journal) = Journal::open_to_read(&self.state_dir()).unwrap() else { return Vec::new() };
        let runs = journal.runs().unwrap();
        runs.into_iter().map(|row| (row.run.clone(), journal.records(&row.run).unwrap())).collect()
    }

    /// The files that the plan made.
    pub(crate) fn made(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root.join("out")).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// What a controller saw of a run.
pub(crate) type Seen = Arc<Mutex<Vec<u64>>>;

pub(crate) struct Sees(pub(crate) Seen);

impl Observer for Sees {
    fn record(&mut self, record: &Record) {
        self.0.lock().unwrap().push(record.seq);
    }
}

/// Applies the plan through `door`.
pub(crate) fn apply(door: &mut Afar, program: Program, seen: &Seen) -> Result<Ended, CommandError> {
    match door.propose_apply(program, None)? {
        ApplyOffer::Nothing(..) => panic!("there is something to do"),
        ApplyOffer::Apply(_, held) => {
            let watch = |_: RunState| Box::new(Sees(Arc::clone(seen))) as Box<dyn Observer>;
            door.begin(held, watch, Controls { patience: None, told: unbounded_channel().1 })
        }
    }
}

/// Takes the run back through `door`.
pub(crate) fn roll_back(door: &mut Afar, seen: &Seen) -> Result<Ended, CommandError> {
    match door.propose_rollback(None, false)? {
        RollbackOffer::RollBack(_, held) => {
            let watch = |_: RunState| Box::new(Sees(Arc::clone(seen))) as Box<dyn Observer>;
            door.begin(held, watch, Controls { patience: None, told: unbounded_channel().1 })
        }
        _ => panic!("there is something to take back"),
    }
}

fn dialled(socket: &Path, cut: Option<Cut>, counted: Arc<Counted>) -> Stream {
    let mut agent = UnixStream::connect(socket).unwrap();
    agent.read_exact(&mut [0]).unwrap();
    let (near, far) = UnixStream::pair().unwrap();
    for way in [Way::ToAgent, Way::FromAgent] {
        let (from, to) = match way {
            Way::ToAgent => (far.try_clone().unwrap(), agent.try_clone().unwrap()),
            Way::FromAgent => (agent.try_clone().unwrap(), far.try_clone().unwrap()),
        };
        let cut = cut.filter(|cut| cut.way == way);
        let counted = Arc::clone(&counted);
        thread::spawn(move || {
            let count = if way == Way::ToAgent { &counted.to_agent } else { &counted.from_agent };
            // However it ends, both sides hear of it.
            let _ = pass(&from, &to, cut, count);
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        });
    }
    let carrier = Wire(near.try_clone().unwrap());
    Stream { reader: Box::new(near.try_clone().unwrap()), writer: Box::new(near), carrier: Box::new(carrier) }
}

/// Ends its link, as a child process does that is ended.
struct Wire(UnixStream);

impl Carrier for Wire {
    fn said(&self) -> String {
        String::new()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// Passes frames on, up to the cut.
fn pass(mut from: &UnixStream, mut to: &UnixStream, cut: Option<Cut>, count: &AtomicUsize) -> std::io::Result<()> {
    let mut passed = 0;
    loop {
        let mut head = [0; 5];
        from.read_exact(&mut head)?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        let mut frame = head.to_vec();
        frame.resize(5 + length as usize, 0);
        from.read_exact(&mut frame[5..])?;
        if let Some(cut) = cut.filter(|cut| cut.after == passed) {
            return if cut.in_the_middle { to.write_all(&frame[..frame.len() / 2]) } else { Ok(()) };
        }
        to.write_all(&frame)?;
        passed += 1;
        count.fetch_add(1, Ordering::SeqCst);
    }
}
