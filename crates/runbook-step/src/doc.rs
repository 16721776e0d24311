//! What is told about a kind. Its table of parameters is the source of checks, schema, help and docs.

use std::fmt;

/// What is told about a kind.
#[derive(Clone, Copy, Debug)]
pub struct KindDoc {
    /// `file.write`.
    pub name: &'static str,
    /// One sentence, without a full stop.
    pub summary: &'static str,
    /// A few sentences of Markdown: what it proves, what it captures for undo, what it refuses.
    pub text: &'static str,
    /// Its parameters.
    pub params: &'static [Param],
    /// What later steps may use as `steps.<id>.<name>`.
    pub outputs: &'static [OutputDoc],
    /// A step of this kind as YAML, ready to paste into `steps:`.
    pub example: &'static str,
}

/// One parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub ty: ParamType,
    /// Whether it must be given.
    pub need: Need,
    /// One sentence, without a full stop.
    pub help: &'static str,
}

/// Whether a parameter must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It must.
    Required,
    /// It may be left out.
    Optional,
    /// It may be left out and is then this, written as in YAML.
    Default(&'static str),
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamType {
    /// One line of text.
    String,
    /// One line of text that these names fit.
    Name(Names),
    /// Text that may hold secrets and line ends.
    Content,
    /// A path; `~` is the home directory, relative ones start at the plan's directory.
    Path,
    /// A file that is read: a relative path is a file of the plan, which the run keeps; an absolute one, and one that begins with `~`, is a
    /// file of the host, and so is a relative one that a step of the plan writes.
    File,
    /// A list of paths; an output that is itself a list is taken in element by element.
    Paths,
    /// `true` or `false`.
    Bool,
    /// A whole number from 0.
    Count,
    /// A TCP port, 1 to 65535.
    Port,
    /// `90s`.
    Duration,
    /// Permission bits as a quoted octal: `"0644"`.
    Mode,
    /// Exactly one version.
    Version,
    /// An argument vector: a list of text, the program first. Never holds a secret.
    Argv,
    /// An argument vector whose program, or the script of an interpreter, is a file of the plan if it is named relative and
    /// the step has no `cwd`; the run keeps it. Never holds a secret.
    Command,
    /// A list of text.
    Strings,
    /// A map from names to text that may hold secrets.
    Env,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A JSON Pointer (RFC 6901).
    Pointer,
    /// Anything; the kind judges it itself in `check`.
    Any,
}

/// Which texts are names of something.
#[derive(Clone, Copy)]
pub struct Names {
    /// What one has to be: "the name of a unit".
    pub wanted: &'static str,
    /// Whether a text is one.
    pub fit: fn(&str) -> bool,
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        self.wanted == other.wanted
    }
}

impl Eq for Names {}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wanted)
    }
}

/// One output.
#[derive(Clone, Copy, Debug)]
pub struct OutputDoc {
    /// Its name.
    pub name: &'static str,
    /// One sentence, without a full stop, with the type of its value.
    pub help: &'static str,
}

impl ParamType {
    /// What of it is a file of the plan, as one sentence without a full stop.
    pub fn of_plan(self) -> Option<&'static str> {
        match self {
            Self::File => Some(
                "A relative path is a file of the plan, which the run keeps; an absolute path is a file of the host",
            ),
            Self::Command => Some(
                "Without `cwd`, a program or script that is named relative is a file of the plan, which the run keeps",
            ),
            _ => None,
        }
    }
}

impl Param {
    /// A parameter that must be given.
    pub const fn required(name: &'static str, ty: ParamType, help: &'static str) -> Self {
        Self { name, ty, need: Need::Required, help }
    }

    /// A parameter that may be left out.
    pub const fn optional(name: &'static str, ty: ParamType, help: &'static str) -> Self {
        Self { name, ty, need: Need::Optional, help }
    }

    /// A parameter with a default, written as in YAML.
    pub const fn default(name: &'static str, ty: ParamType, default: &'static str, help: &'static str) -> Self {
        Self { name, ty, need: Need::Default(default), help }
    }
}
