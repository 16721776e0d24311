//! How a case of a kind says what it needs for the laws to be tried.

use crate::World;
use runbook_step::Done;
use serde_json::Value as Json;

type Setup = Box<dyn Fn(&mut World) -> Json>;
type Observe = Box<dyn Fn(&World) -> String>;
type Look = Box<dyn Fn(&World, &Done)>;
type Teardown = Box<dyn Fn(&World)>;

/// One case of one kind.
pub struct Scenario {
    pub(crate) kind: &'static str,
    pub(crate) setup: Setup,
    pub(crate) expect: Expect,
    pub(crate) undo: Undo,
    pub(crate) observe: Option<Observe>,
    pub(crate) result: Option<Observe>,
    pub(crate) afterwards: Option<Look>,
    pub(crate) teardown: Option<Teardown>,
}

/// What the step should find.
pub(crate) enum Expect {
    Change,
    CannotPredict,
    Nothing,
    Refusal(&'static str),
}

/// What the step can do about its own work.
#[derive(PartialEq)]
pub(crate) enum Undo {
    Full,
    /// Nothing has to come back: caches, waits, captures.
    NotNeeded,
}

impl Scenario {
    /// A case in which there is something to change, which undo takes back. `setup` makes the world and returns `with`.
    pub fn change(kind: &'static str, setup: impl Fn(&mut World) -> Json + 'static) -> Self {
        Self::of(kind, Expect::Change, setup)
    }

    /// A case of which a probe cannot tell what would happen.
    pub fn unpredictable(kind: &'static str, setup: impl Fn(&mut World) -> Json + 'static) -> Self {
        Self::of(kind, Expect::CannotPredict, setup)
    }

    /// A case in which the host is already as wanted.
    pub fn nothing_to_do(kind: &'static str, setup: impl Fn(&mut World) -> Json + 'static) -> Self {
        Self::of(kind, Expect::Nothing, setup)
    }

    /// A case in which probe, prepare or apply says no with a message that contains `saying`, and changes nothing.
    pub fn refusal(kind: &'static str, saying: &'static str, setup: impl Fn(&mut World) -> Json + 'static) -> Self {
        Self::of(kind, Expect::Refusal(saying), setup)
    }

    fn of(kind: &'static str, expect: Expect, setup: impl Fn(&mut World) -> Json + 'static) -> Self {
        Self {
            kind,
            setup: Box::new(setup),
            expect,
            undo: Undo::Full,
            observe: None,
            result: None,
            afterwards: None,
            teardown: None,
        }
    }

    /// The step's work need not come back: a cache, a wait.
    pub fn without_undo(mut self) -> Self {
        self.undo = Undo::NotNeeded;
        self
    }

    /// Compares this instead of the trees: the state of a process, the answer of a port. Equal texts are equal worlds.
    pub fn observing(mut self, observe: impl Fn(&World) -> String + Clone + 'static) -> Self {
        self.result = Some(Box::new(observe.clone()));
        self.observe = Some(Box::new(observe));
        self
    }

    /// Compares what two applies made by this, where what [`observing`](Self::observing) compares has times in it.
    pub fn resulting(mut self, observe: impl Fn(&World) -> String + 'static) -> Self {
        self.result = Some(Box::new(observe));
        self
    }

    /// Looks at the world and at what the step said once it was applied.
    pub fn afterwards(mut self, look: impl Fn(&World, &Done) + 'static) -> Self {
        self.afterwards = Some(Box::new(look));
        self
    }

    /// Ends what the scenario left running; called also when a law is broken.
    pub fn teardown(mut self, teardown: impl Fn(&World) + 'static) -> Self {
        self.teardown = Some(Box::new(teardown));
        self
    }
}

/// Lists the scenarios of a group as `ALL`, and makes a test of each, in the world that `crate::world` makes.
#[macro_export]
#[expect(clippy::crate_in_macro_def, reason = "each crate of kinds says what its world is")]
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        pub(crate) const ALL: &[fn() -> $crate::Scenario] = &[$($name),*];

        mod laws {
            $(#[test] fn $name() { super::$name().obeys_the_laws(crate::world); })*
        }
    };
}
