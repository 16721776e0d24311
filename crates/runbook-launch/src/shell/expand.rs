//! Words with everything put in: variables, substitutions, the home directory, names of files.

use super::patterns::{self, Piece};
use super::state::{Shell, Truth};
use super::syntax::{Part, Word, is_name};
use crate::{Unclear, Value, unclear};
use std::path::{Path, PathBuf};

/// How many files a pattern may match.
const MOST: usize = 512;
/// The longest text of which something is cut off.
const LONGEST: usize = 4096;
/// What separates the words of a value that is not quoted.
const BLANKS: &[char] = &[' ', '\t', '\n'];
const PATTERN: &[char] = &['*', '?', '[', '\\'];
/// Variables that every shell has, and those that bash has, whether or not anybody sets them.
const SET_BY_SHELLS: &[&str] = &["IFS", "LINENO", "OLDPWD", "OPTIND", "PATH", "PPID", "PS1", "PS2", "PS4", "_"];
const SET_BY_BASH: &[&str] = &[
    "COLUMNS",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "GROUPS",
    "HISTCMD",
    "HOSTNAME",
    "HOSTTYPE",
    "LINES",
    "MACHTYPE",
    "OPTERR",
    "OSTYPE",
    "RANDOM",
    "SECONDS",
    "SHELL",
    "SHELLOPTS",
    "SHLVL",
    "SRANDOM",
    "TERM",
];

/// A word while it is put together.
#[derive(Default)]
struct Fields {
    done: Vec<Value>,
    /// The field that is not over yet; the outer `None` if none has begun.
    open: Option<Value>,
}

impl Fields {
    fn push(&mut self, text: &str) {
        if let Some(field) = self.open.get_or_insert_with(|| Some(String::new())) {
            field.push_str(text);
        }
    }

    fn push_quoted(&mut self, value: Value) {
        match value {
            Some(text) => self.push(&text),
            None => self.open = Some(None),
        }
    }

    fn end(&mut self) {
        self.done.extend(self.open.take());
    }

    /// The words of a value that is not quoted.
    fn push_split(&mut self, text: &str) {
        if text.starts_with(BLANKS) {
            self.end();
        }
        for (nth, word) in text.split(BLANKS).filter(|word| !word.is_empty()).enumerate() {
            if nth > 0 {
                self.end();
            }
            self.push(word);
        }
        if text.ends_with(BLANKS) {
            self.end();
        }
    }
}

impl Shell<'_, '_> {
    /// The fields that `word` becomes.
    pub(super) fn fields(&mut self, word: &Word) -> Result<Vec<Value>, Unclear> {
        let mut fields = Fields::default();
        if let [Part::Parameter { name, change: None, quoted: false }] = word.0.as_slice()
            && let Some(Some(pattern)) = self.variable(name)
            && pattern.contains(PATTERN)
            && !pattern.contains(BLANKS)
        {
            return Ok(self.files(&pattern)?.into_iter().map(Some).collect());
        }
        // The signs of a pattern that are meant as such.
        let mut signs = 0;
        let is_command = matches!(word.plain(), Some("[" | "]"));
        for (nth, part) in word.0.iter().enumerate() {
            match part {
                Part::Text { text, quoted: true } => fields.push(text),
                Part::Text { text, quoted: false } => {
                    let text = self.unquoted(text, nth == 0, word.0.len() == 1)?;
                    signs += if is_command { 0 } else { text.matches(PATTERN).count() };
                    fields.push(&text);
                }
                Part::Parameter { name, change: None, quoted } if name == "@" || (name == "*" && !quoted) => {
                    for (nth, value) in self.state.args.clone().into_iter().enumerate() {
                        if nth > 0 {
                            fields.end();
                        }
                        match (quoted, value) {
                            (true, value) => fields.push_quoted(value),
                            (false, value) => fields.push_split(&splittable(value)?),
                        }
                    }
                }
                Part::Parameter { name, change: None, quoted: true } if name == "*" => {
                    fields.push_quoted(self.arguments())
                }
                Part::Parameter { name, change, quoted } => {
                    let value = self.parameter(name, change.as_ref())?;
                    match (*quoted, change) {
                        (true, _) => fields.push_quoted(value),
                        (false, None) => fields.push_split(&splittable(value)?),
                        (false, Some((_, word))) => {
                            let text = splittable(value)?;
                            // They make a word of nothing.
                            if text.is_empty() && word.0.iter().any(Part::is_quoted) {
                                return unclear(format!(
                                    "quotes in `${{{name}…}}` outside of quotes are not followed by reading"
                                ));
                            }
                            if text.contains(BLANKS) {
                                return unclear(format!(
                                    "the words of `${{{name}…}}` outside of quotes are not followed by reading"
                                ));
                            }
                            fields.push_split(&text);
                        }
                    }
                }
                Part::Output { commands, quoted } => {
                    let value = self.output(commands)?;
                    if *quoted { fields.push_quoted(value) } else { fields.push_split(&splittable(value)?) }
                }
            }
        }
        fields.end();
        if signs == 0 {
            return Ok(fields.done);
        }
        match fields.done.as_slice() {
            [Some(pattern)] if pattern.matches(PATTERN).count() == signs => {
                Ok(self.files(pattern)?.into_iter().map(Some).collect())
            }
            _ => unclear("a pattern with quotes or variables is not followed by reading"),
        }
    }

    /// `word` as one text, as in an assignment.
    pub(super) fn joined(&mut self, word: &Word) -> Result<Value, Unclear> {
        let mut text = Some(String::new());
        for (nth, part) in word.0.iter().enumerate() {
            let piece = match part {
                Part::Text { text, quoted: true } => Some(text.clone()),
                Part::Text { text, quoted: false } => Some(self.unquoted(text, nth == 0, word.0.len() == 1)?),
                Part::Parameter { name, change: None, .. } if name == "@" || name == "*" => self.arguments(),
                Part::Parameter { name, change, .. } => self.parameter(name, change.as_ref())?,
                Part::Output { commands, .. } => self.output(commands)?,
            };
            text = text.zip(piece).map(|(text, piece)| text + &piece);
        }
        Ok(text)
    }

    /// All arguments as one text.
    fn arguments(&self) -> Value {
        let all: Option<Vec<String>> = self.state.args.iter().cloned().collect();
        all.map(|all| all.join(" "))
    }

    /// The pattern that `word` means; `None` if only running the script could tell.
    pub(super) fn pattern(&mut self, word: &Word) -> Result<Option<Vec<Piece>>, Unclear> {
        let mut all = Vec::new();
        for (nth, part) in word.0.iter().enumerate() {
            if let Part::Text { text, quoted: false } = part {
                match patterns::of(text) {
                    Some(_) if text.starts_with('~') => {
                        return unclear("a pattern with `~` is not followed by reading");
                    }
                    Some(pieces) => all.extend(pieces),
                    None => return unclear("a pattern with a set in brackets is not followed by reading"),
                }
                continue;
            }
            let Some(text) = self.joined(&Word(word.0.get(nth..=nth).unwrap_or_default().to_vec()))? else {
                return Ok(None);
            };
            if !part.is_quoted() && text.contains(PATTERN) {
                return unclear("a pattern in a variable is not followed by reading");
            }
            all.extend(text.chars().map(Piece::This));
        }
        Ok(Some(all))
    }

    /// Text outside of quotes, with the home directory put in for `~`.
    fn unquoted(&self, text: &str, is_first: bool, is_all: bool) -> Result<String, Unclear> {
        let rest = text.strip_prefix('~').filter(|_| is_first);
        if rest.unwrap_or(text).contains(['~', '{', '}']) {
            return unclear(format!("`{text}` is not followed by reading"));
        }
        match rest {
            None => Ok(text.to_owned()),
            Some(rest) if rest.starts_with('/') || (rest.is_empty() && is_all) => match self.state.vars.get("HOME") {
                Some(Some(home)) if !home.is_empty() && !home.contains(PATTERN) => Ok(format!("{home}{rest}")),
                _ => unclear("`~` is a home that cannot be known by reading"),
            },
            Some(_) => unclear(format!("`{text}` is not followed by reading")),
        }
    }

    /// `${name}`, or `${name:-word}`.
    fn parameter(&mut self, name: &str, change: Option<&(&'static str, Word)>) -> Result<Value, Unclear> {
        let value = self.variable(name);
        let Some((operator, word)) = change else {
            return match value {
                None if self.has('u') => unclear(format!("`${name}` is not set, which ends the script after `set -u`")),
                value => Ok(value.unwrap_or_else(|| Some(String::new()))),
            };
        };
        if matches!(name, "@" | "*") {
            return unclear(format!("`${{{name}{operator}…}}` is not followed by reading"));
        }
        let is_given = match &value {
            None => false,
            Some(Some(value)) => !(value.is_empty() && operator.starts_with(':')),
            Some(None) if matches!(*operator, "-" | "=" | "?" | "+") => true,
            Some(None) => return Ok(None),
        };
        match *operator {
            ":+" | "+" => {
                if is_given {
                    self.joined(word)
                } else {
                    Ok(Some(String::new()))
                }
            }
            "%" | "%%" | "#" | "##" => {
                let Some(value) = value.or_else(|| (!self.has('u')).then(|| Some(String::new()))) else {
                    return unclear(format!("`${name}` is not set, which ends the script after `set -u`"));
                };
                let pattern = self.pattern(word)?;
                let Some((value, pattern)) = value.zip(pattern) else { return Ok(None) };
                if value.len() > LONGEST {
                    return unclear(format!("`{name}` is longer than {LONGEST} characters"));
                }
                Ok(Some(patterns::trimmed(&value, operator, &pattern)))
            }
            _ if is_given => Ok(value.flatten()),
            ":-" | "-" => self.joined(word),
            ":=" | "=" if is_name(name) => {
                let value = self.joined(word)?;
                self.assign(name, value.clone())?;
                Ok(value)
            }
            _ => unclear(format!("`${{{name}{operator}…}}` ends the script, for {name} is not set")),
        }
    }

    /// The value of a variable; the outer `None` if it is not set.
    fn variable(&self, name: &str) -> Option<Value> {
        let state = &self.state;
        if let Some(bash) = &state.bash {
            match name {
                "BASH" => return Some(Some(bash.clone())),
                "BASH_VERSION" => return Some(Some("5".to_owned())),
                "BASH_SOURCE" if !state.source.is_empty() => return Some(Some(state.source.clone())),
                "UID" | "EUID" => return Some(Some(state.account.uid.to_string())),
                "PS1" | "PS2" => return state.vars.get(name).cloned(),
                name if name.starts_with("BASH") => return Some(None),
                _ => {}
            }
        }
        match name {
            "0" => Some(Some(state.zero.clone())),
            "#" => Some(Some(state.args.len().to_string())),
            "-" => {
                let letters: String = state.options.iter().filter(|c| state.bash.is_some() || **c != 'c').collect();
                Some(Some(if state.bash.is_some() { format!("hB{letters}") } else { letters }))
            }
            "?" | "$" | "!" => Some(None),
            "PWD" => Some(Some(state.cwd.to_string_lossy().into_owned())),
            _ => match name.parse::<usize>() {
                Ok(nth) => nth.checked_sub(1).and_then(|nth| state.args.get(nth)).cloned(),
                Err(_) => state.vars.get(name).cloned().or_else(|| {
                    let is_own = SET_BY_SHELLS.contains(&name) || (state.bash.is_some() && SET_BY_BASH.contains(&name));
                    is_own.then_some(None)
                }),
            },
        }
    }

    /// The files that `pattern` matches, sorted; the pattern itself if there are none.
    fn files(&self, pattern: &str) -> Result<Vec<String>, Unclear> {
        let (dir, name) = pattern.rsplit_once('/').unwrap_or(("", pattern));
        let Some(pieces) = patterns::of(name).filter(|_| dir.starts_with('/') && !dir.contains(PATTERN)) else {
            return unclear(format!("the pattern `{pattern}` is not followed by reading"));
        };
        let host = self.tracer.host;
        let path = PathBuf::from(dir);
        if host.stat(&path)?.is_none_or(|found| !found.is_dir()) {
            self.not_there(Path::new(dir))?;
            return Ok(vec![pattern.to_owned()]);
        }
        if self.may(&path, 5)? != Truth::Yes || !self.state.made.is_empty() {
            return unclear(format!("which files the service sees in {dir}"));
        }
        let names = host.list(&path)?.unwrap_or_default();
        let fits = |found: &&str| (name.starts_with('.') || !found.starts_with('.')) && patterns::fits(&pieces, found);
        let shown = names.iter().filter_map(|name| name.to_str()).filter(fits);
        let mut found: Vec<String> = shown.map(|name| format!("{dir}/{name}")).collect();
        found.sort_unstable();
        match found.len() {
            0 => Ok(vec![pattern.to_owned()]),
            many if many > MOST => unclear(format!("`{pattern}` are more than {MOST} files")),
            _ => Ok(found),
        }
    }
}

/// A value outside of quotes, if its words can be known.
fn splittable(value: Value) -> Result<String, Unclear> {
    match value {
        Some(text) if !text.contains(PATTERN) => Ok(text),
        Some(text) => unclear(format!("`{text}` outside of quotes is a pattern, which is not followed by reading")),
        None => unclear("words outside of quotes depend on what only running the script could tell"),
    }
}
