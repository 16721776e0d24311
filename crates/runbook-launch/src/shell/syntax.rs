//! What a shell script is to this reader: commands and words, with nothing expanded.

/// A command, with the line on which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) line: usize,
    pub(super) what: What,
}

/// The kinds of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// `A=b program argument`
    Simple(Simple),
    /// `left && right`
    And(Box<Command>, Box<Command>),
    /// `left || right`
    Or(Box<Command>, Box<Command>),
    /// `! command`
    Not(Box<Command>),
    /// `a | b`; more than one.
    Pipe(Vec<Command>),
    /// `{ … }`
    Group(Vec<Command>),
    /// `if … then … elif … else … fi`; an `else` is an arm without a condition.
    If(Vec<Arm>),
    /// `case … in … esac`
    Case(Word, Vec<(Vec<Word>, Vec<Command>)>),
    /// `for name in words; do … done`
    For(String, Vec<Word>, Vec<Command>),
}

/// A condition and what is done if it holds.
pub(super) type Arm = (Vec<Command>, Vec<Command>);

/// A command without others in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Simple {
    pub(super) assigned: Vec<(String, Word)>,
    pub(super) words: Vec<Word>,
    pub(super) redirections: Vec<Redirection>,
}

/// `2> file`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Redirection {
    pub(super) descriptor: String,
    pub(super) operator: &'static str,
    pub(super) target: Word,
}

/// One word. An empty one is `""`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word(pub(super) Vec<Part>);

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Text as it stands. What is not quoted may hold patterns and a tilde.
    Text { text: String, quoted: bool },
    /// `$name`, `${name}`, `${name:-word}`.
    Parameter { name: String, change: Option<(&'static str, Word)>, quoted: bool },
    /// `$(…)`, and backquotes.
    Output { commands: Vec<Command>, quoted: bool },
}

impl Part {
    /// Whether it stands between quotes.
    pub(super) fn is_quoted(&self) -> bool {
        match self {
            Self::Text { quoted, .. } | Self::Parameter { quoted, .. } | Self::Output { quoted, .. } => *quoted,
        }
    }
}

impl Word {
    /// The text of a word in which nothing is quoted and nothing is to be expanded.
    pub(super) fn plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Text { text, quoted: false }] => Some(text),
            _ => None,
        }
    }

    /// `name` and the rest, of a word `name=rest`.
    pub(super) fn assignment(&self) -> Option<(String, Self)> {
        let (first, others) = self.0.split_first()?;
        let Part::Text { text, quoted: false } = first else { return None };
        let (name, value) = text.split_once('=')?;
        if !is_name(name) {
            return None;
        }
        let begin = (!value.is_empty()).then(|| Part::Text { text: value.to_owned(), quoted: false });
        Some((name.to_owned(), Self(begin.into_iter().chain(others.iter().cloned()).collect())))
    }
}

/// Whether `text` can be the name of a variable.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Adds a character to the piece that it belongs to.
pub(super) fn push(parts: &mut Vec<Part>, c: char, quoted: bool) {
    match parts.last_mut() {
        Some(Part::Text { text, quoted: last }) if *last == quoted => text.push(c),
        _ => parts.push(Part::Text { text: c.to_string(), quoted }),
    }
}
